"""DenseNetwork: layer weights, biases and activations of a plain dense network."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np

from xaikit.networks.activations import Activation, is_one
from xaikit.networks.checks import check_sizes, distinct_names, invented_names, read_only
from xaikit.networks.readers import (
    inputs_of,
    is_a,
    not_dense,
    read_keras,
    read_sklearn,
    read_torch,
)
from xaikit.tables.casting import listed
from xaikit.tables.schema import as_table

_BLOCK = 2**20
"""Most numbers in one array of backpropagation (8 MiB), whatever the number of rows."""


class LayerValues(NamedTuple):
    """The values of one layer before and after its activation, each (n_rows, n_units)."""

    before: np.ndarray
    after: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class DenseNetwork:
    """A plain dense network: aₗ = activationₗ(aₗ₋₁ · weightsₗ + biasesₗ).

    A network is a function of a table, so `wrap` and every explainer take it like any model.

    Parameters
    ----------
    weights : sequence of arrays (n_in, n_out)
        The weights of each layer, kept as read-only float64 copies.
    biases : sequence of arrays (n_out,), optional
        The biases of each layer. Default: zeros.
    activation : str, (str, number), or a sequence of them
        Activation of the hidden layers: one for all, or one for each. See `Activation` for the
        names.
    output_activation : str or (str, number)
        Activation of the last layer.
    feature_names : sequence of str, optional
        Names of the inputs. Default: ``x0``, ``x1``, …, and a table's columns are then taken by
        position.
    output_names : sequence of str, optional
        Names of the outputs. Default: ``output``, or ``output 0``, ``output 1``, ….

    Raises
    ------
    ValueError
        If shapes do not fit, weights are not finite, or an activation is unknown.

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
        weights = tuple(read_only(w, 2, f"weights of layer {k}")
                        for k, w in enumerate(self.weights, 1))
        if not weights:
            raise ValueError("weights holds no layer; pass at least one matrix (n_in, n_out).")
        biases = [np.zeros(w.shape[1]) for w in weights] if self.biases is None else self.biases
        biases = tuple(read_only(b, 1, f"biases of layer {k}") for k, b in enumerate(biases, 1))
        check_sizes(weights, biases)
        activation, output = self.activation, self.output_activation
        hidden = [activation] * (len(weights) - 1) if is_one(activation) else list(activation)
        if len(hidden) != len(weights) - 1:
            raise ValueError(f"activation holds {len(hidden)} names for {len(weights) - 1} hidden "
                             "layers; the last layer's is output_activation.")
        n_out = weights[-1].shape[1]
        inputs = invented_names(len(weights[0]))
        outputs = ["output"] if n_out == 1 else [f"output {k}" for k in range(n_out)]
        for name, value in {
            "weights": weights, "biases": biases,
            "activation": tuple(Activation.of(spec) for spec in hidden),
            "output_activation": Activation.of(output),
            "feature_names": distinct_names(self.feature_names, inputs, "feature_names"),
            "output_names": distinct_names(self.output_names, outputs, "output_names"),
        }.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_model(cls, model: Any, scale_by: Any = None) -> DenseNetwork:
        """Extract the network from a model, without calling or changing the model.

        Parameters
        ----------
        model : MLPClassifier, MLPRegressor, Pipeline, torch or Keras network, arrays, Predictor
            One of:

            * a fitted scikit-learn network, also as the last step of a Pipeline, inside a
              TransformedTargetRegressor (the transform of the target is *not* part of the
              network), a FrozenEstimator or a fitted search;
            * a torch ``Linear``, or a ``Sequential`` of Linear, BatchNorm1d (folded into a
              neighbouring Linear, as in evaluation mode), activations and Dropout;
            * a Keras 3 chain of Dense layers, read in the same way;
            * a list of weight matrices, a dict of the arguments of `DenseNetwork`, or a
              `DenseNetwork`;
            * a `Predictor` of one of these; the network has all outputs of the model.
        scale_by : table, optional
            Rows in the model's own columns. Row i of the first weight matrix is multiplied by the
            standard deviation, over these rows, of the network's input i (after the transformers
            of a Pipeline). Weights of inputs in different units then become comparable; after a
            StandardScaler they already are. `forward` then takes inputs divided by these standard
            deviations. Default: the weights of the model.

        Returns
        -------
        DenseNetwork

        Raises
        ------
        TypeError
            If the model is not a plain dense network. The message names the layer and counts it
            from 1, with nested models flattened and input layers left out.
        NotFittedError
            If a scikit-learn model is not fitted.
        ValueError
            As for `DenseNetwork`, or if `scale_by` does not fit the inputs.

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
            names = _names_told(model)
            model = model.model
        model = _owner(model)
        network = cls(**_fields(model, names))
        if scale_by is None:
            return network
        inputs = network._inputs(inputs_of(model, scale_by))
        if len(inputs) == 0:
            raise ValueError("scale_by has no rows; pass the rows the model was trained on.")
        first = network.weights[0] * inputs.std(axis=0)[:, None]
        return replace(network, weights=(first, *network.weights[1:]))

    @property
    def is_named(self) -> bool:
        """Whether the inputs have names of their own, by which columns are matched."""
        return self.feature_names != tuple(invented_names(self.n_inputs))

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
        """Number of units in each hidden layer."""
        return tuple(w.shape[1] for w in self.weights[:-1])

    @property
    def activations(self) -> tuple[Activation, ...]:
        """The activation of each layer, the last one included."""
        return (*self.activation, self.output_activation)

    def __call__(self, X: Any) -> np.ndarray:
        """Return the outputs, as `forward` does: a network is a function of a table."""
        return self.forward(X)

    def forward(self, X: Any) -> np.ndarray:
        """Compute the outputs (n_rows, n_outputs), in units of the model's output.

        Parameters
        ----------
        X : DataFrame, array (n_rows, n_inputs), or one row
            The inputs of the network: the rows of a Pipeline after its transformers. The columns
            of a frame are put in order by name.
        """
        return self.layers(X)[-1].after

    def gradient(self, X: Any, output: Any = None) -> np.ndarray:
        """Compute the exact derivatives of outputs with respect to every input, at each row.

        The derivatives are computed by backpropagation. At a kink of an activation, such as a relu
        at 0, the slope on the left is used, as in torch (see `Activation.slope`).

        Parameters
        ----------
        X : DataFrame, array (n_rows, n_inputs), or one row
            As in `forward`.
        output : int or str, optional
            Position or name of one output. Default: all outputs.

        Returns
        -------
        array (n_rows, n_inputs), or (n_rows, n_inputs, n_outputs) if `output` is None
            In units of the output per unit of the input.

        Raises
        ------
        ValueError
            If `output` is not an output, or `X` does not fit or is not finite.

        Examples
        --------
        >>> network = DenseNetwork([[[1.49, -0.19], [0.16, -0.16]], [[-0.52], [0.81]]],
        ...                        [[13.12, -0.11], [0.56]], activation="logistic")
        >>> network.gradient([[0.0, 0.0], [1.0, 0.0]], "output").round(7)
        array([[-0.0383604, -0.0323024],
               [-0.0376225, -0.0316818]])
        """
        chosen = np.arange(self.n_outputs) if output is None else np.array([self._position(output)])
        rows = self._inputs(X)
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if len(bad):
            raise ValueError(f"expected finite inputs, got NaN or infinity in {len(bad)} of "
                             f"{len(rows)} rows (first: row {bad[0]}); fill or drop them.")
        found = np.empty((len(rows), self.n_inputs, len(chosen)))
        widest = max(max(weights.shape) for weights in self.weights)
        step = max(1, _BLOCK // (widest * len(chosen)))
        for start in range(0, len(rows), step):
            block = slice(start, start + step)
            found[block] = np.moveaxis(self._pulled_back(rows[block], chosen), 0, 2)
        return found if output is None else found[:, :, 0]

    def _pulled_back(self, rows: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Backpropagate the chosen outputs to the inputs: (n_chosen, n_rows, n_inputs)."""
        gradient = np.eye(self.n_outputs)[chosen][:, None, :]
        steps = zip(self.weights, self.activations, self.layers(rows), strict=True)
        for weights, activation, values in reversed(list(steps)):
            gradient = activation.pull_back(values.before, gradient) @ weights.T
        return gradient

    def _position(self, output: Any) -> int:
        whole = isinstance(output, int | np.integer) and not isinstance(output, bool)
        if whole and -self.n_outputs <= output < self.n_outputs:
            return int(output) % self.n_outputs
        if isinstance(output, str) and output in self.output_names:
            return self.output_names.index(output)
        raise ValueError(f"output={output!r} is not one of the network's {self.n_outputs} outputs; "
                         f"pass a position, a name ({listed(self.output_names)}), or None for all.")

    def layers(self, X: Any) -> list[LayerValues]:
        """Compute the pre-activations and activations of every layer.

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
            elif self.is_named:
                raise ValueError(f"the network's inputs are {', '.join(self.feature_names)}; the "
                                 f"table's columns are {', '.join(columns)}.")
        if table.shape[1] != self.n_inputs:
            raise ValueError(f"the network has {self.n_inputs} inputs, "
                             f"got {table.shape[1]} columns.")
        try:
            return np.array(table, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"the network's inputs should be numbers: {error}. Encode text, and "
                             "fill missing values.") from error

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()  # unpickling leaves the arrays writeable

    def __repr__(self) -> str:
        sizes = "-".join(str(n) for n in (self.n_inputs, *self.hidden_sizes, self.n_outputs))
        return f"<DenseNetwork {sizes}: {', '.join(a.name for a in self.activations)}>"


def _owner(model: Any) -> Any:
    """Return the estimator behind a bound method such as ``predict``, else the model itself."""
    owner = getattr(model, "__self__", None)
    return owner if hasattr(owner, "predict") else model


def _names_told(predictor: Any) -> Any:
    """Return the input names a predictor was given, or saw if the model has none of its own.

    The columns a predictor saw may be in another order than the inputs of a model with names.
    """
    names, model = predictor.settings.feature_names, _owner(predictor.model)
    named = hasattr(model, "feature_names_in_") or getattr(model, "is_named", False)
    if names is None and not named and predictor.schema is not None:
        return predictor.schema.names
    return names


def _fields(model: Any, names: Any) -> dict[str, Any]:
    """Read a model as the arguments of `DenseNetwork`; `names` apply where it has none."""
    if isinstance(model, DenseNetwork):
        own = {field.name: getattr(model, field.name) for field in fields(model)}
        return own if names is None else {**own, "feature_names": names}
    if is_a(model, "sklearn.base", "BaseEstimator"):
        return read_sklearn(model, names)
    if isinstance(model, dict):
        return {"feature_names": names, **model}
    if isinstance(model, list | tuple):
        return {"weights": model, "feature_names": names}
    # Keras comes first, because on its torch backend a Keras model is a torch module too.
    if is_a(model, "keras", "Model"):
        return {**read_keras(model), "feature_names": names}
    if is_a(model, "torch.nn", "Module"):
        return {**read_torch(model), "feature_names": names}
    raise not_dense(f"{type(model).__name__} cannot be read",
                    "unlike MLPs of scikit-learn, chains of torch or Keras, and lists of arrays")
