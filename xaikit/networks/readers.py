"""Readers of scikit-learn, torch and Keras models: the arguments of a `DenseNetwork`.

Each framework is read into one list of steps (a dense layer, a batch normalisation, an
activation), which `_assemble` turns into layers. Frameworks are looked up in `sys.modules` and
never imported. Layers are recognised by their exact class, because a subclass may compute anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from xaikit.networks.activations import FORMULAS, SYNONYMS, Activation

_NO_MATRIX = "which has no single input-to-output weight matrix"


def not_dense(what: str, why: str = _NO_MATRIX) -> TypeError:
    """Return the error that refuses a model or layer by name and says what to use instead."""
    return TypeError(f"DenseNetwork needs a plain dense network; {what}, {why}. "
                     "Use PermutationImportance or KernelSHAP.")


def is_a(model: Any, module: str, *names: str) -> bool:
    """Return whether `model` is an instance of one of a module's classes, without importing it.

    If the module is not loaded, no instance of its classes can exist.
    """
    kinds = (getattr(sys.modules.get(module), name, None) for name in names)
    return any(kind is not None and isinstance(model, kind) for kind in kinds)


def read_torch(model: Any) -> dict[str, Any]:
    """Read a torch module."""
    return _assemble(_steps(_torch_leaves(model), _torch_step))


def read_keras(model: Any) -> dict[str, Any]:
    """Read a Keras model."""
    return _assemble(_steps(_keras_leaves(model), _keras_step))


def read_sklearn(model: Any, names: Any) -> dict[str, Any]:
    """Read a fitted multi-layer perceptron, also inside pipelines and wrappers."""
    from sklearn.utils.validation import check_is_fitted

    for wrapper in _wrappers(model):
        if is_a(wrapper, "sklearn.pipeline", "Pipeline"):
            names = _names_after(wrapper, names)
        model = _inner(wrapper)
    if not is_a(model, "sklearn.neural_network", "MLPClassifier", "MLPRegressor"):
        raise not_dense(f"{type(model).__name__} cannot be read",
                         "unlike MLPClassifier and MLPRegressor")
    check_is_fitted(model)
    classes = [str(c) for c in getattr(model, "classes_", ())]
    return {
        "weights": model.coefs_, "biases": model.intercepts_, "activation": model.activation,
        "output_activation": model.out_activation_,
        "feature_names": getattr(model, "feature_names_in_", None) if names is None else names,
        "output_names": (classes if model.n_outputs_ > 1 else classes[1:]) or None,
    }


def inputs_of(model: Any, X: Any) -> Any:
    """Transform rows by the steps of the pipelines around a network, which precede it."""
    for wrapper in _wrappers(model):
        if is_a(wrapper, "sklearn.pipeline", "Pipeline") and len(wrapper.steps) > 1:
            X = wrapper[:-1].transform(X)
    return X


def _wrappers(model: Any) -> Iterator[Any]:
    """Yield the pipelines and wrappers around a network, the outermost first."""
    while (inner := _inner(model)) is not None:
        yield model
        model = inner


def _inner(model: Any) -> Any:
    """Return the estimator that predicts inside a wrapper; None if `model` is not a wrapper."""
    from sklearn.utils.validation import check_is_fitted

    if is_a(model, "sklearn.pipeline", "Pipeline"):
        return model.steps[-1][1]
    if is_a(model, "sklearn.frozen", "FrozenEstimator"):
        return model.estimator
    for fitted in ("regressor_", "best_estimator_"):  # TransformedTargetRegressor, searches
        if hasattr(model, fitted.rstrip("_")) or hasattr(model, fitted):
            check_is_fitted(model)
            return getattr(model, fitted)
    return None


def _names_after(pipeline: Any, names: Any) -> Any:
    """Return the names of the columns that reach the last step; None if they are unknown."""
    names = getattr(pipeline, "feature_names_in_", names)
    if len(pipeline.steps) == 1:
        return names
    try:
        return pipeline[:-1].get_feature_names_out(names)
    except AttributeError:  # a transformer without output names
        return None


_LAYERS = {
    "ReLU": ("relu",), "Sigmoid": ("logistic",), "Tanh": ("tanh",), "Softmax": ("softmax",),
    "ELU": ("elu", "alpha"), "LeakyReLU": ("leaky_relu", "negative_slope"), "GELU": ("gelu",),
    "SiLU": ("silu",), "Softplus": ("softplus", "beta", "threshold"),
}
"""Activation layers of torch and Keras: our name, and the attributes that are its parameters."""
_KERAS_DEFAULTS = {"leaky_relu": (0.2,)}
_SKIPPED = ("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "Identity", "InputLayer")


def _steps(leaves: Iterable[tuple[Any, int]], read: Callable[[Any], Any]) -> Iterator[Any]:
    """Turn (layer, times used) into (kind, values, where).

    Layers that change nothing in evaluation mode are skipped.
    """
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
            raise not_dense(where)
        if uses > 1 or (id(layer) in seen and name not in _LAYERS):
            raise not_dense(where, "a layer used twice")
        seen.add(id(layer))
        yield from ((kind, values, where) for kind, *values in steps)


def _assemble(steps: Iterable[Any]) -> dict[str, Any]:
    """Turn steps into layers.

    A normalisation is folded into the dense layer just before it, or else into the next one.
    """
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
            raise not_dense(where, "an activation with no dense layer just before it")
    if waiting:
        raise not_dense(where, "a normalisation with no dense layer after it to fold it into")
    if not weights:
        raise not_dense(where, "which has no dense layer")
    named = [Activation("identity") if a is None else a for a in activations]
    return {"weights": weights, "biases": biases, "activation": named[:-1],
            "output_activation": named[-1]}


def _check_width(where: str, factor: np.ndarray, width: int) -> None:
    if len(factor) != width:
        raise ValueError(f"{where}, which normalises {len(factor)} columns; the dense layer beside "
                         f"it has {width}.")


def _activation(layer: Any) -> Any:
    """Return the activation of a layer; None if it is not a known activation layer."""
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
        raise not_dense(f"{type(model).__name__} carries forward hooks",
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
    """Yield (layer, times used) for every layer of a chain.

    Branches are not looked for: the layers that join them are unknown and refused later.
    """
    kind = type(model).__name__
    if not model.built:
        raise ValueError(f"the Keras {kind} has no weights yet; build it or fit it first.")
    if kind not in ("Sequential", "Functional"):
        yield model, uses
        return
    shapes = [tuple(tensor.shape) for tensor in (*model.inputs, *model.outputs)]
    if [len(shape) for shape in shapes] != [2, 2]:
        raise not_dense(f"the Keras {kind} has inputs and outputs of shapes {shapes}",
                         "where one (n_rows, n_inputs) and one (n_rows, n_outputs) are expected")
    parts = [(layer, 1) for layer in model.layers]
    if kind == "Functional":
        nodes = {e["name"]: len(e["inbound_nodes"]) for e in model.get_config()["layers"]}
        parts = [(layer, nodes[layer.name]) for layer in model.operations]
    for part, n in parts:
        if is_a(part, "keras", "Model"):
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
    # A linear activation counts as none, because another activation may follow it.
    return steps + [("activation", found)] * (found.name != "identity")


def _keras_function(function: Any, keras: Any) -> Any:
    if isinstance(function, keras.layers.Layer):
        return _activation(function)
    name = getattr(function, "__name__", "")
    if getattr(keras.activations, name, None) is not function \
            or SYNONYMS.get(name, name) not in FORMULAS:
        return None
    return Activation.of((name, *_KERAS_DEFAULTS.get(name, ())))
