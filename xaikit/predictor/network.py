"""DenseNetwork: layer weights, biases and activations of a plain dense network.

Every framework is read into one list of steps (a dense layer, a batch normalisation, an
activation), and `_assemble` makes layers of them. A framework is looked up in `sys.modules` and
never imported. Layers are recognised by their exact class: a subclass may compute anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, ndtr, softmax

from xaikit.predictor.adapter import Predictor
from xaikit.predictor.schema import as_table


def _leaky(z: np.ndarray, slope: float = 0.01) -> np.ndarray:
    return np.where(z > 0, z, slope * z)


def _elu(z: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0.0)))


def _gelu_tanh(z: np.ndarray) -> np.ndarray:
    return 0.5 * z * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (z + 0.044715 * z**3)))


def _softplus(z: np.ndarray, beta: float = 1.0, threshold: float = np.inf) -> np.ndarray:
    # torch is linear beyond a threshold; at its default of 20 the gap is 2e-9.
    return np.where(beta * z > threshold, z, np.logaddexp(0.0, beta * z) / beta)


class Activation(NamedTuple):
    """An activation function by name, with its parameters; called with (n_rows, n_units).

    Known are identity, relu, logistic, tanh, softmax (over a row), exp, elu (alpha, 1 by default),
    leaky_relu (slope, 0.01), gelu (exact), gelu_tanh (its approximation), silu, and softplus
    (beta, 1, and the value of beta·z above which it is linear, none).

    Examples
    --------
    >>> Activation("leaky_relu", (0.1,))(np.array([[-2.0, 3.0]]))
    array([[-0.2,  3. ]])
    """

    name: str
    parameters: tuple[float, ...] = ()

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Apply it to pre-activations."""
        return _FORMULAS[self.name][0](z, *self.parameters)

    @classmethod
    def of(cls, spec: Any) -> Activation:
        """Read a name, or a name with parameters such as ``("leaky_relu", 0.2)``."""
        name, *rest = (spec,) if isinstance(spec, str) else spec
        parameters = rest[0] if isinstance(spec, Activation) else rest
        name = _SYNONYMS.get(name, name)
        if name not in _FORMULAS:
            raise ValueError(f"activation {name!r} is not known; use one of "
                             f"{', '.join(sorted({*_FORMULAS, *_SYNONYMS}))}.")
        defaults = _FORMULAS[name][1]
        if len(parameters) > len(defaults):
            raise ValueError(f"activation {name!r} takes {len(defaults)} parameters, "
                             f"got {len(parameters)}.")
        return cls(name, (*(float(p) for p in parameters), *defaults[len(parameters):]))


_FORMULAS: dict[str, tuple[Callable[..., np.ndarray], tuple[float, ...]]] = {
    "elu": (_elu, (1.0,)), "exp": (np.exp, ()), "gelu": (lambda z: z * ndtr(z), ()),
    "gelu_tanh": (_gelu_tanh, ()), "identity": (lambda z: z, ()), "leaky_relu": (_leaky, (0.01,)),
    "logistic": (expit, ()), "relu": (lambda z: np.maximum(z, 0.0), ()),
    "silu": (lambda z: z * expit(z), ()), "softmax": (lambda z: softmax(z, axis=1), ()),
    "softplus": (_softplus, (1.0, np.inf)), "tanh": (np.tanh, ()),
}
_SYNONYMS = {"linear": "identity", "sigmoid": "logistic", "swish": "silu", "exponential": "exp"}


class LayerValues(NamedTuple):
    """One layer's values: before and after its activation, each (n_rows, n_units)."""

    before: np.ndarray
    after: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class DenseNetwork:
    """A plain dense network: aₗ = activationₗ(aₗ₋₁ · weightsₗ + biasesₗ).

    Parameters
    ----------
    weights : sequence of arrays (n_in, n_out)
        One a layer; kept as read-only float64 copies.
    biases : sequence of arrays (n_out,), optional
        Zeros by default.
    activation : str, (str, number), or a sequence of them
        Of the hidden layers: one for all, or one a hidden layer. See `Activation` for the names.
    output_activation : str or (str, number)
        Of the last layer.
    feature_names, output_names : sequence of str, optional
        ``x0…`` and ``output…`` by default.

    Raises
    ------
    ValueError
        For shapes that do not fit, weights that are not finite, or unknown activations.

    Examples
    --------
    >>> network = DenseNetwork([[[1.49, -0.19], [0.16, -0.16]], [[-0.52], [0.81]]],
    ...                        [[13.12, -0.11], [0.56]], activation="logistic")
    >>> network
    <DenseNetwork 2-2-1: logistic, identity>
    >>> network.forward([[0.0, 0.0], [1.0, 0.0]]).round(8)
    array([[0.42274848],
           [0.3847018 ]])
    """

    weights: Any
    biases: Any = None
    _: KW_ONLY
    activation: Any = "relu"
    output_activation: Any = "identity"
    feature_names: Any = None
    output_names: Any = None

    def __post_init__(self) -> None:
        weights = tuple(_read_only(w, 2, f"weights of layer {k}")
                        for k, w in enumerate(self.weights, 1))
        if not weights:
            raise ValueError("weights holds no layer; a network needs at least one.")
        biases = [np.zeros(w.shape[1]) for w in weights] if self.biases is None else self.biases
        biases = tuple(_read_only(b, 1, f"biases of layer {k}") for k, b in enumerate(biases, 1))
        _check_sizes(weights, biases)
        activation, output = self.activation, self.output_activation
        hidden = [activation] * (len(weights) - 1) if _is_one(activation) else list(activation)
        if len(hidden) != len(weights) - 1:
            raise ValueError(f"activation holds {len(hidden)} names for {len(weights) - 1} hidden "
                             "layers; the last layer's is output_activation.")
        n_out = weights[-1].shape[1]
        inputs = [f"x{j}" for j in range(len(weights[0]))]
        outputs = ["output"] if n_out == 1 else [f"output {k}" for k in range(n_out)]
        for name, value in {
            "weights": weights, "biases": biases,
            "activation": tuple(Activation.of(spec) for spec in hidden),
            "output_activation": Activation.of(output),
            "feature_names": _names(self.feature_names, inputs, "feature_names"),
            "output_names": _names(self.output_names, outputs, "output_names"),
        }.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_model(cls, model: Any, scale_inputs: bool = False) -> DenseNetwork:
        """Extract the network of a model, which is neither asked nor changed.

        Parameters
        ----------
        model : MLPClassifier, MLPRegressor, Pipeline, torch or Keras network, arrays, Predictor
            A fitted scikit-learn network, also at the end of a Pipeline, inside a
            TransformedTargetRegressor (the target's transform is *not* part of the network) or a
            FrozenEstimator; a torch ``Linear`` or ``Sequential`` of Linear, BatchNorm1d (folded
            into a neighbouring Linear as eval mode computes it), activations and Dropout; a
            Keras 3 chain of Dense layers, alike; a list of weight matrices, or a dict of
            `DenseNetwork`'s arguments; a `Predictor` of one of these (with all of its outputs).
        scale_inputs : bool
            False: the network's inputs are what the Pipeline's last transformer gives, and the
            weights are the model's own. True: row i of the first weight matrix is multiplied by
            the number by which the Pipeline's scalers divide column i (a StandardScaler's standard
            deviation, a RobustScaler's quantile range, a MaxAbsScaler's largest absolute value, a
            MinMaxScaler's range over that of its result; of several scalers, the product). Nothing
            else changes, so `forward` gives the model's answers only for the scaled inputs divided
            by these numbers once more.

        Returns
        -------
        DenseNetwork

        Raises
        ------
        TypeError
            For anything but a plain dense network; the layer is named, counted from 1 with nested
            models flattened and input layers left out.
        NotFittedError
            For an unfitted scikit-learn model.
        ValueError
            If `scale_inputs` has no scalers to go by, or as for `DenseNetwork`.

        Examples
        --------
        >>> from sklearn.neural_network import MLPRegressor
        >>> X = np.arange(6.0).reshape(3, 2)
        >>> mlp = MLPRegressor(hidden_layer_sizes=3, solver="lbfgs", random_state=0)
        >>> network = DenseNetwork.from_model(mlp.fit(X, [0, 2, 1]))
        >>> network.hidden_sizes, np.allclose(network.forward(X)[:, 0], mlp.predict(X))
        ((3,), True)
        """
        names = None
        if isinstance(model, Predictor):
            names = model.feature_names
            if names is None and model.schema is not None:
                names = model.schema.names
            model = model.model
        owner = getattr(model, "__self__", None)
        model = owner if hasattr(owner, "predict") else model
        if _is_a(model, "sklearn.base", "BaseEstimator"):
            return cls(**_read_sklearn(model, names, scale_inputs))
        if scale_inputs:
            raise ValueError("scale_inputs=True needs a scikit-learn Pipeline with scalers before "
                             f"the network, got {type(model).__name__}.")
        if isinstance(model, dict):
            return cls(**{"feature_names": names, **model})
        if isinstance(model, list | tuple):
            return cls(model, feature_names=names)
        # Keras first: on its torch backend a Keras model is a torch module as well.
        if _is_a(model, "keras", "Model"):
            return cls(**_assemble(_steps(_keras_leaves(model), _keras_step)), feature_names=names)
        if _is_a(model, "torch.nn", "Module"):
            return cls(**_assemble(_steps(_torch_leaves(model), _torch_step)), feature_names=names)
        raise _not_dense(f"{type(model).__name__} cannot be read",
                         "as scikit-learn's MLPs, torch and Keras chains and lists of arrays can")

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return int(self.weights[0].shape[0])

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return int(self.weights[-1].shape[1])

    @property
    def n_layers(self) -> int:
        """Number of weight matrices."""
        return len(self.weights)

    @property
    def hidden_sizes(self) -> tuple[int, ...]:
        """Units of each hidden layer."""
        return tuple(w.shape[1] for w in self.weights[:-1])

    @property
    def activations(self) -> tuple[Activation, ...]:
        """One activation a layer, the last layer's included."""
        return (*self.activation, self.output_activation)

    def forward(self, X: Any) -> np.ndarray:
        """Give the network's outputs (n_rows, n_outputs), in units of the model's answer.

        Parameters
        ----------
        X : DataFrame, array (n_rows, n_inputs), or one row
            The network's inputs, that is, after a Pipeline's transformers. The columns of a frame
            are put in order by name.
        """
        return self.layers(X)[-1].after

    def layers(self, X: Any) -> list[LayerValues]:
        """Give every layer's pre-activations and activations.

        Examples
        --------
        >>> DenseNetwork([[[1.0, -1.0]], [[2.0], [3.0]]]).layers([[4.0]])[0]
        LayerValues(before=array([[ 4., -4.]]), after=array([[4., 0.]]))
        """
        values, found = self._inputs(X), []
        for weights, biases, activation in zip(self.weights, self.biases, self.activations,
                                               strict=True):
            before = values @ weights + biases
            values = activation(before)
            found.append(LayerValues(before, values))
        return found

    def _inputs(self, X: Any) -> np.ndarray:
        table = as_table(X, n_columns=self.n_inputs)
        if hasattr(table, "columns"):
            columns = [str(c) for c in table.columns]
            if sorted(columns) == sorted(self.feature_names):
                table = table.iloc[:, [columns.index(name) for name in self.feature_names]]
            elif self.feature_names != tuple(f"x{j}" for j in range(self.n_inputs)):
                raise ValueError(f"the network's inputs are {', '.join(self.feature_names)}; the "
                                 f"table's columns are {', '.join(columns)}.")
        if table.shape[1] != self.n_inputs:
            raise ValueError(f"the network has {self.n_inputs} inputs, "
                             f"got {table.shape[1]} columns.")
        return np.array(table, dtype=np.float64)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()  # unpickled arrays are writeable; make read-only ones of them

    def __repr__(self) -> str:
        sizes = "-".join(str(n) for n in (self.n_inputs, *self.hidden_sizes, self.n_outputs))
        return f"<DenseNetwork {sizes}: {', '.join(a.name for a in self.activations)}>"


_NO_MATRIX = "which has no single input-to-output weight matrix"


def _not_dense(what: str, why: str = _NO_MATRIX) -> TypeError:
    return TypeError(f"DenseNetwork needs a plain dense network; {what}, {why}. "
                     "Use PermutationImportance or KernelSHAP.")


def _is_a(model: Any, module: str, *names: str) -> bool:
    kinds = (getattr(sys.modules.get(module), name, None) for name in names)
    return any(kind is not None and isinstance(model, kind) for kind in kinds)


def _is_one(spec: Any) -> bool:
    """Tell one activation, with parameters perhaps, from a sequence of them."""
    return isinstance(spec, str | Activation) or (
        len(spec) > 1 and isinstance(spec[0], str) and not isinstance(spec[1], str | tuple))


def _read_only(values: Any, ndim: int, what: str) -> np.ndarray:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the {what} should be an array of numbers: {error}.") from error
    if array.ndim != ndim or array.size == 0:
        raise ValueError(f"the {what} should have shape {('(n_out,)', '(n_in, n_out)')[ndim - 1]}, "
                         f"got {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"the {what} hold NaN or infinite values; train the model again.")
    array.setflags(write=False)
    return array


def _check_sizes(weights: tuple[np.ndarray, ...], biases: tuple[np.ndarray, ...]) -> None:
    if len(biases) != len(weights):
        raise ValueError(f"got biases of {len(biases)} layers for weights of {len(weights)}.")
    for k, (w, b) in enumerate(zip(weights, biases, strict=True), 1):
        if len(b) != w.shape[1]:
            raise ValueError(f"layer {k} has {w.shape[1]} outputs and {len(b)} biases.")
        if k > 1 and w.shape[0] != (given := weights[k - 2].shape[1]):
            raise ValueError(f"layer {k} takes {w.shape[0]} inputs, but layer {k - 1} gives "
                             f"{given} outputs; weights are (n_in, n_out).")


def _names(given: Any, default: list[str], what: str) -> tuple[str, ...]:
    names = default if given is None else [str(name) for name in given]
    if len(names) != len(default) or len(set(names)) != len(names):
        raise ValueError(f"{what} should be {len(default)} different names, "
                         f"got {len(names)}: {', '.join(names)}.")
    return tuple(names)


def _read_sklearn(model: Any, names: Any, scale_inputs: bool) -> dict[str, Any]:
    from sklearn.utils.validation import check_is_fitted

    scalers: list[tuple[str, Any]] = []
    while True:
        if _is_a(model, "sklearn.pipeline", "Pipeline"):
            names = _names_after(model, names)
            scalers += _flat(model.steps[:-1])
            model = model.steps[-1][1]
        elif _is_a(model, "sklearn.compose", "TransformedTargetRegressor"):
            check_is_fitted(model)
            model = model.regressor_
        elif _is_a(model, "sklearn.frozen", "FrozenEstimator"):
            model = model.estimator
        else:
            break
    if not _is_a(model, "sklearn.neural_network", "MLPClassifier", "MLPRegressor"):
        raise _not_dense(f"{type(model).__name__} cannot be read",
                         "as MLPClassifier and MLPRegressor can")
    check_is_fitted(model)
    classes = [str(c) for c in getattr(model, "classes_", ())]
    first, *others = model.coefs_
    return {
        "weights": [first * _divisors(scalers, len(first)) if scale_inputs else first, *others],
        "biases": model.intercepts_, "activation": model.activation,
        "output_activation": model.out_activation_,
        "feature_names": getattr(model, "feature_names_in_", None) if names is None else names,
        "output_names": (classes if model.n_outputs_ > 1 else classes[1:]) or None,
    }


def _names_after(pipeline: Any, names: Any) -> Any:
    """Give the names of the columns that reach the last step, where they are known."""
    names = getattr(pipeline, "feature_names_in_", names)
    if len(pipeline.steps) == 1:
        return names
    try:
        return pipeline[:-1].get_feature_names_out(names)
    except AttributeError:  # a transformer that does not name its columns
        return None


def _flat(steps: Any) -> list[tuple[str, Any]]:
    """List a Pipeline's transformers, those of inner pipelines too, without passthrough."""
    found: list[tuple[str, Any]] = []
    for name, step in steps:
        while _is_a(step, "sklearn.frozen", "FrozenEstimator"):
            step = step.estimator
        if _is_a(step, "sklearn.pipeline", "Pipeline"):
            found += _flat(step.steps)
        elif step is not None and step != "passthrough":
            found.append((name, step))
    return found


def _divisors(scalers: list[tuple[str, Any]], n_inputs: int) -> np.ndarray:
    """Give the product of the numbers by which scalers divide each column, (n_inputs, 1)."""
    from sklearn.utils.validation import check_is_fitted

    if not scalers:
        raise ValueError("scale_inputs=True needs scalers before the network; there are none.")
    product = np.ones(n_inputs)
    for name, step in scalers:
        kinds = ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler")
        if not _is_a(step, "sklearn.preprocessing", *kinds):
            raise ValueError(f"scale_inputs=True needs nothing but {', '.join(kinds)} before the "
                             f"network; step {name!r} is {type(step).__name__}.")
        check_is_fitted(step)
        if step.scale_ is not None:
            # MinMaxScaler alone multiplies by its scale_.
            inverse = _is_a(step, "sklearn.preprocessing", "MinMaxScaler")
            product = product / step.scale_ if inverse else product * step.scale_
    return product[:, None]


_LAYERS = {
    "ReLU": ("relu",), "Sigmoid": ("logistic",), "Tanh": ("tanh",), "Softmax": ("softmax",),
    "ELU": ("elu", "alpha"), "LeakyReLU": ("leaky_relu", "negative_slope"), "GELU": ("gelu",),
    "SiLU": ("silu",), "Softplus": ("softplus", "beta", "threshold"),
}
"""Activation layers of torch and Keras: our name for them, and the attributes to keep."""
_KERAS_DEFAULTS = {"leaky_relu": (0.2,)}
_SKIPPED = ("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "Identity", "InputLayer")


def _steps(leaves: Iterable[tuple[Any, int]], read: Callable[[Any], Any]) -> Iterator[Any]:
    """Read (layer, times used) into (kind, values, where); skip what never alters an answer."""
    seen: set[int] = set()
    position = 0
    for layer, uses in leaves:
        name = type(layer).__name__
        position += name != "InputLayer"
        where = f"layer {position} is {name}"
        ours = type(layer).__module__.startswith(("torch.nn.modules.", "keras."))
        flat = name == "Flatten" and getattr(layer, "start_dim", 1) == 1
        if ours and (name in _SKIPPED or flat):
            continue
        steps = read(layer) if ours else None
        if steps is None:
            raise _not_dense(where)
        if uses > 1 or (id(layer) in seen and name not in _LAYERS):
            raise _not_dense(where, "a layer used twice")
        seen.add(id(layer))
        yield from ((kind, values, where) for kind, *values in steps)


def _assemble(steps: Iterable[Any]) -> dict[str, Any]:
    """Make layers of steps; fold a normalisation into the layer before it, else after it."""
    weights: list[Any] = []
    biases: list[Any] = []
    activations: list[Any] = []
    waiting: list[Any] = []
    where = "the model"
    for kind, values, where in steps:
        if kind == "dense":
            w, b = values[0], 0.0 if values[1] is None else values[1]
            for factor, shift, beside in reversed(waiting):
                _check_width(beside, factor, w.shape[0])
                w, b = factor[:, None] * w, b + shift @ w
            waiting = []
            weights.append(w)
            biases.append(b + np.zeros(w.shape[1]))
            activations.append(None)
        elif kind == "scale" and (not activations or activations[-1] is not None):
            waiting.append((*values, where))
        elif kind == "scale":
            _check_width(where, values[0], weights[-1].shape[1])
            weights[-1], biases[-1] = weights[-1] * values[0], biases[-1] * values[0] + values[1]
        elif activations and activations[-1] is None:
            (activations[-1],) = values
        else:
            raise _not_dense(where, "an activation with no dense layer just before it")
    if waiting:
        raise _not_dense(where, "a normalisation with no dense layer after it to fold it into")
    if not weights:
        raise _not_dense(where, "which has no dense layer")
    named = [Activation("identity") if a is None else a for a in activations]
    return {"weights": weights, "biases": biases, "activation": named[:-1],
            "output_activation": named[-1]}


def _check_width(where: str, factor: np.ndarray, width: int) -> None:
    if len(factor) != width:
        raise ValueError(f"{where}, which normalises {len(factor)} columns; the dense layer beside "
                         f"it has {width}.")


def _activation(layer: Any) -> Any:
    """Read an activation layer; None where it is not one of ours."""
    name, *attributes = _LAYERS.get(type(layer).__name__, (None,))
    parameters = [getattr(layer, attribute) for attribute in attributes]
    if name == "softmax" and getattr(layer, "dim", getattr(layer, "axis", 1)) not in (None, 1, -1):
        return None
    if name == "relu" and hasattr(layer, "max_value"):  # Keras
        name, parameters = "leaky_relu", [layer.negative_slope]
        if layer.max_value is not None or layer.threshold:
            return None
    if getattr(layer, "approximate", None) == "tanh":
        name = "gelu_tanh"
    return name and Activation.of((name, *parameters))


def _normalisation(mean: Any, variance: Any, eps: float, gamma: Any, beta: Any) -> Any:
    factor = (1.0 if gamma is None else gamma) / np.sqrt(variance + eps)
    return [("scale", factor, (0.0 if beta is None else beta) - factor * mean)]


def _torch_leaves(model: Any) -> Iterator[tuple[Any, int]]:
    sequential = sys.modules["torch"].nn.Sequential
    if any(vars(model).get(hooks) for hooks in ("_forward_hooks", "_forward_pre_hooks")):
        raise _not_dense(f"{type(model).__name__} carries forward hooks",
                         "which may change what it computes")
    if isinstance(model, sequential) and type(model).forward is sequential.forward:
        for layer in model:
            yield from _torch_leaves(layer)
    else:
        yield model, 1


def _torch_step(layer: Any) -> Any:
    def read(tensor: Any) -> Any:
        return None if tensor is None else tensor.detach().cpu().double().numpy()

    name = type(layer).__name__
    if name == "Linear":
        return [("dense", read(layer.weight).T, read(layer.bias))]
    if name == "BatchNorm1d" and layer.running_mean is not None:
        return _normalisation(read(layer.running_mean), read(layer.running_var), layer.eps,
                              read(layer.weight), read(layer.bias))
    found = _activation(layer)
    return found and [("activation", found)]


def _keras_leaves(model: Any, uses: int = 1) -> Iterator[tuple[Any, int]]:
    """List (layer, times used) of a chain; unknown layers are refused before branches matter."""
    kind = type(model).__name__
    if not model.built:
        raise ValueError(f"the Keras {kind} has no weights yet; build it or fit it first.")
    if kind not in ("Sequential", "Functional"):
        yield model, uses
        return
    shapes = [tuple(tensor.shape) for tensor in (*model.inputs, *model.outputs)]
    if [len(shape) for shape in shapes] != [2, 2]:
        raise _not_dense(f"the Keras {kind} has inputs and outputs of shapes {shapes}",
                         "where one of (n_rows, n_inputs) and one of (n_rows, n_outputs) are due")
    parts = [(layer, 1) for layer in model.layers]
    if kind == "Functional":
        nodes = {e["name"]: len(e["inbound_nodes"]) for e in model.get_config()["layers"]}
        parts = [(layer, nodes[layer.name]) for layer in model.operations]
    for part, n in parts:
        if _is_a(part, "keras", "Model"):
            yield from _keras_leaves(part, max(n, uses))
        else:
            yield part, max(n, uses)


def _keras_step(layer: Any) -> Any:
    keras = sys.modules["keras"]

    def read(tensor: Any) -> Any:
        return None if tensor is None else np.array(keras.ops.convert_to_numpy(tensor), np.float64)

    steps, found = [], _activation(layer)
    name = type(layer).__name__
    if name == "BatchNormalization" and layer.axis in (1, -1):
        return _normalisation(read(layer.moving_mean), read(layer.moving_variance), layer.epsilon,
                              read(layer.gamma), read(layer.beta))
    if name == "Dense" and not layer.quantization_mode:
        steps = [("dense", read(layer.kernel), read(layer.bias))]
    if steps or name == "Activation":
        found = _keras_function(layer.activation, keras)
    if found is None:
        return None
    # A linear activation is none: another may follow it.
    return steps + [("activation", found)] * (found.name != "identity")


def _keras_function(function: Any, keras: Any) -> Any:
    if isinstance(function, keras.layers.Layer):
        return _activation(function)
    name = getattr(function, "__name__", "")
    if getattr(keras.activations, name, None) is not function \
            or _SYNONYMS.get(name, name) not in _FORMULAS:
        return None
    return Activation.of((name, *_KERAS_DEFAULTS.get(name, ())))
