"""`wrap`: the way from any model to a `Predictor`."""

from __future__ import annotations

from typing import Any

from xaikit.predictor.adapter import Predictor
from xaikit.predictor.settings import Settings


def wrap(
    model: Any,
    *,
    output: str | None = None,
    task: str | None = None,
    batch_size: int | str = "auto",
    feature_names: Any = None,
    outputs: Any = None,
    output_names: Any = None,
    inputs: Any = None,
    channels: str | None = None,
    retries: int = 0,
    thread_safe: bool | None = None,
    deduplicate: bool = False,
) -> Predictor:
    """Wrap any model as a `Predictor`.

    Parameters
    ----------
    model : estimator, booster, network, ONNX session, callable or Predictor
        Anything with ``predict``/``predict_proba``, a torch or Keras model, a native booster, an
        ``onnxruntime.InferenceSession``, or a function of a batch. The model is neither copied nor
        changed. If it is a Predictor, the settings given here replace its own. A callable may have
        the attributes ``feature_names`` (frames reach it with their columns in this order) and
        ``output_names``, both sequences of str; a `DenseNetwork` has them.
    output : str, optional
        Which answer to ask for: ``"proba"``, ``"decision"`` or ``"prediction"`` of an estimator or
        booster (default: the first of these that it has); the name of an output of an ONNX session;
        for other networks, what they return (``"logits"``, ``"proba"``, ``"prediction"``).
    task : {"classification", "regression"}, optional
        For models whose task cannot be inferred.
    batch_size : int or "auto"
        Most rows in a call. ``"auto"`` is 262,144, or as many as fit in 64 MiB; of texts and
        images, 64 in the first call and then up to twice as many as in the largest before. It is
        halved whenever the model runs out of memory.
    feature_names : sequence of str, optional
        Names for the columns of arrays.
    outputs : position, name or list of them, optional
        Outputs to keep.
    output_names : sequence of str, optional
        Names for all outputs of the model, in place of its own.
    inputs : dict or list, optional
        Which columns go to which input of a network with several: ``{"numbers": ["age", "fare"],
        "codes": (["sex"], "int64")}``. A dict passes them by name, a list in order.
    channels : {"first", "last"}, optional
        ``"first"`` passes images (n, height, width, channels) to the model as
        (n, channels, height, width). Default: unchanged.
    retries : int
        How often a call that raised is repeated, after 0.5 s, 1 s, 2 s, …: for remote models.
    thread_safe : bool, optional
        False lets only one thread call the model at a time. Default: what is known about the kind
        of model.
    deduplicate : bool
        Ask about equal rows once and remember the answers. This pays for models that are slower
        than the search for equal rows (about 10 µs a row). A `Game` always does so, and faster.

    Returns
    -------
    Predictor

    Raises
    ------
    TypeError
        If the model can neither be called nor predict.
    SettingError
        If a setting is outside the values that it can take.
    ValueError
        If a setting does not fit this model.

    Examples
    --------
    >>> import numpy as np
    >>> predictor = wrap(lambda X: X.sum(axis=1))
    >>> predictor(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[3.],
           [7.]])
    """
    given = {
        "output": output, "task": task, "batch_size": batch_size, "feature_names": feature_names,
        "outputs": outputs, "output_names": output_names, "inputs": inputs, "channels": channels,
        "retries": retries, "thread_safe": thread_safe, "deduplicate": deduplicate,
    }
    if not isinstance(model, Predictor):
        return Predictor(model, Settings(**given))
    changed = model.settings.changed(**given)
    if all(getattr(changed, k) is getattr(model.settings, k) for k in given):
        return model
    twin = Predictor(model.model, changed)
    if feature_names is None:
        twin.schema = model.schema
    return twin
