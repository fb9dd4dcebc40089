"""DenseNetwork: layer weights, biases and activations of a plain dense network."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from xaikit.networks.activations import Activation
from xaikit.networks.readers import (
    inputs_of,
    is_a,
    not_dense,
    read_keras,
    read_sklearn,
    read_torch,
)
from xaikit.tables.schema import as_table


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
    def from_model(cls, model: Any, scale_by: Any = None) -> DenseNetwork:
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
        scale_by : table, optional
            Rows in the model's own columns. Row i of the first weight matrix is multiplied by the
            standard deviation of the network's input i over them (after a Pipeline's transformers),
            which makes weights on unlike units comparable; after a StandardScaler they are so
            already. `forward` then takes inputs divided by these numbers. By default the weights
            are the model's own.

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
            As for `DenseNetwork`, or if `scale_by` does not fit its inputs.

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
        if is_a(model, "xaikit.predictor.adapter", "Predictor"):
            names = model.settings.feature_names
            if names is None and model.schema is not None:
                names = model.schema.names
            model = model.model
        owner = getattr(model, "__self__", None)
        model = owner if hasattr(owner, "predict") else model
        network = cls(**_fields(model, names))
        if scale_by is None:
            return network
        inputs = network._inputs(inputs_of(model, scale_by))
        if len(inputs) == 0:
            raise ValueError("scale_by has no rows; pass those that the model was trained on.")
        first = network.weights[0] * inputs.std(axis=0)[:, None]
        return replace(network, weights=(first, *network.weights[1:]))

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


def _fields(model: Any, names: Any) -> dict[str, Any]:
    """Read a model as `DenseNetwork`'s arguments; `names` are used where it has none."""
    if is_a(model, "sklearn.base", "BaseEstimator"):
        return read_sklearn(model, names)
    if isinstance(model, dict):
        return {"feature_names": names, **model}
    if isinstance(model, list | tuple):
        return {"weights": model, "feature_names": names}
    # Keras first: on its torch backend a Keras model is a torch module as well.
    if is_a(model, "keras", "Model"):
        return {**read_keras(model), "feature_names": names}
    if is_a(model, "torch.nn", "Module"):
        return {**read_torch(model), "feature_names": names}
    raise not_dense(f"{type(model).__name__} cannot be read",
                    "as scikit-learn's MLPs, torch and Keras chains and lists of arrays can")


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
