"""Which class an answer names: the one place that decides it, for reports, scores and the probe.

An estimator's own `predict` is its decision, whatever its probabilities say: thresholds may be
tuned, votes counted. The outputs of any other model are read by the rules of `Reading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xaikit.errors import ModelError, SettingError
from xaikit.predictor.targets import declared_by, of_targets_kept
from xaikit.settings import is_whole
from xaikit.tables.tables import Batch, take_rows
from xaikit.tables.targets import class_codes, distinct_labels
from xaikit.tables.wording import listed, plural

_CLASSIFIED, _SEARCHED = 8, 200
"""Rows on which the class that predict names is compared with the probabilities: at first, and if
it names but one class in these."""
RAW = ("logits", "decision")
"""Scales of scores that are compared with 0, not probabilities."""


@dataclass(frozen=True)
class Reading:
    """How outputs, one a class, name a class: the largest one, or a single one by a threshold.

    Attributes
    ----------
    classes : list
        The class of each output; of a single output, the other class and its own.
    rule : {"shares", "scores", "labels"}
        A single output names its own class above 0.5 (shares) or above 0 (scores), or is the label
        itself.

    Examples
    --------
    >>> votes = Reading(["no", "yes"], "shares")
    >>> votes.named(np.array([[0.3], [0.6]])), votes.named(np.array([[0.7, 0.3], [0.4, 0.6]]))
    (array([0, 1]), array([0, 1]))
    """

    classes: list[Any]
    rule: str

    def named(self, answers: np.ndarray) -> np.ndarray:
        """Return the position of the class that each row's answer names, −1 for a strange label."""
        if self.rule == "labels":
            return class_codes(answers[:, 0], self.classes)
        if answers.shape[1] > 1:
            return answers.argmax(axis=1)
        return (answers[:, 0] > (0.5 if self.rule == "shares" else 0.0)).astype(np.int64)

    def shares(self, answers: np.ndarray) -> np.ndarray:
        """Return a column for each class."""
        return np.column_stack([1 - answers, answers]) if answers.shape[1] == 1 else answers

    def ahead(self, answers: np.ndarray) -> np.ndarray:
        """Return how far the second of two classes is ahead."""
        return answers[:, 0] if answers.shape[1] == 1 else answers[:, 1] - answers[:, 0]


def read_outputs(answers: np.ndarray, scale: str, classes: list[Any]) -> Reading:
    """Choose the rule by which the outputs of a function name a class, from answers to many rows.

    Raises
    ------
    SettingError
        If a single output can be neither a probability nor the label.

    Examples
    --------
    >>> read_outputs(np.array([[1.0], [2.0]]), "output", [1, 2]).rule
    'labels'
    """
    if scale in RAW:
        return Reading(classes, "scores")
    within = bool(answers.min() >= 0 and answers.max() <= 1)
    if answers.shape[1] > 1:
        return Reading(classes, "shares" if within else "scores")
    shares = within and len(classes) == 2
    labels = class_codes(answers[:, 0], classes)
    if (labels >= 0).all() and not (shares and (labels == (answers[:, 0] > 0.5)).all()):
        return Reading(classes, "labels")
    if shares:
        return Reading(classes, "shares")
    raise SettingError(not_shares(answers, len(classes)))


def not_shares(answers: np.ndarray, n_classes: int) -> str:
    """Return the sentence on answers that are neither probabilities nor labels."""
    if answers.shape[1] == 1 and n_classes > 2:
        return (f"the model gives 1 output for {n_classes} classes: such a function must return "
                "labels that y holds, and has no probabilities. Wrap a function with one output a "
                "class, or choose a scorer of labels, such as 'accuracy'.")
    return (f"the model's answers lie between {answers.min():.4g} and {answers.max():.4g}: they "
            "are not probabilities. Say xk.wrap(model, task='classification', output='logits') if "
            "they are log-odds, or return probabilities.")


@dataclass(frozen=True)
class Decisions:
    """What a classifier decided about some rows.

    Attributes
    ----------
    classes : list
        In the order of the outputs if there is one for each, or else sorted.
    named : int array (n_rows,)
        Position of the class that each answer names, −1 for a label that is none of them.
    one_each : bool
        Whether the outputs kept are one for each class.
    probabilities : array (n_rows, n_classes) or None
    scores : array (n_rows,) or None
        How far the second of two classes is ahead, if there are no probabilities.
    """

    classes: list[Any]
    named: np.ndarray
    one_each: bool
    probabilities: np.ndarray | None = None
    scores: np.ndarray | None = None


def decide(predictor: Any, table: Batch, answers: np.ndarray, seen: list[Any]) -> Decisions:
    """Return what a classifier decides about rows: by its own `predict`, or else by its outputs.

    Parameters
    ----------
    predictor : Predictor
    table : batch of the predictor's schema
    answers : array (n_rows, n_outputs)
        What the predictor answered for its rows.
    seen : list
        The different labels, sorted.

    Raises
    ------
    ModelError
        If `predict` fails.
    ValueError
        If the model's decisions are not known; the sentence says why.
    """
    labels, declared = own_decisions(predictor, table), declared_by(predictor)
    if labels is not None:
        seen = _with_named(seen if declared is None else list(declared), labels, declared is None)
    kept = classes_kept(predictor, seen)
    if labels is None and kept is None:
        raise ValueError(_misfit(predictor, declared, seen))
    classes = kept or seen
    reading = kept and (_of_estimator(predictor, kept) if predictor.methods else
                        read_outputs(answers, predictor.scale, kept))
    if labels is None:
        assert reading
        named = reading.named(answers)
    else:
        named = class_codes(labels, classes)
    sure = _probabilities(reading, answers) if reading and predictor.scale != "prediction" else None
    ahead = reading.ahead(answers) if reading and sure is None and len(classes) == 2 \
        and reading.rule != "labels" and predictor.scale != "prediction" else None
    return Decisions(classes, named, kept is not None, sure, ahead)


def _with_named(classes: list[Any], labels: np.ndarray, more: bool) -> list[Any]:
    """Return classes; if there may be `more`, with those that `predict` alone names."""
    strange = labels[class_codes(labels, classes) < 0]
    if len(strange) == len(labels):
        raise ValueError(f"predict names {listed(distinct_labels(labels))}, and the classes are "
                         f"{listed(classes)}")
    return distinct_labels(np.array([*classes, *strange.tolist()], dtype=object)) \
        if more and len(strange) else classes


def _of_estimator(predictor: Any, classes: list[Any]) -> Reading:
    return Reading(classes, "scores" if predictor.scale in RAW else "shares")


def _probabilities(reading: Reading, answers: np.ndarray) -> np.ndarray | None:
    """Return shares that are probabilities: between 0 and 1, and 1 in all."""
    if reading.rule != "shares" or answers.min() < 0 or answers.max() > 1:
        return None
    shares = reading.shares(answers)
    if not np.allclose(shares.sum(axis=1), 1.0, atol=1e-3):
        return None
    return shares if answers.shape[1] == 1 else shares / shares.sum(axis=1, keepdims=True)


def _misfit(predictor: Any, declared: Any, seen: list[Any]) -> str:
    """Write why the outputs name no class."""
    names = predictor.output_names or ()
    if declared is not None:
        return (f"the outputs {listed(names)} are not one for each of the classes "
                f"{listed(declared)}; leave out outputs=")
    if other := spelled_otherwise(seen, predictor.outputs.all_names or ()) or \
            some_left_out(predictor):
        return other.rstrip(".")
    return (f"the labels have {plural(len(seen), 'value')}, which does not fit the model's "
            f"{plural(len(names), 'output')}")


def own_decisions(predictor: Any, table: Batch) -> np.ndarray | None:
    """Return the label that an estimator's `predict` names for each row; None without `predict`.

    Raises
    ------
    ModelError
        If `predict` fails.
    ValueError
        If it names several labels a row, and `outputs` does not choose one target.
    """
    if "predict" not in predictor.methods:
        return None
    named = of_targets_kept(predictor, "predict", predictor.ask_method("predict", table))
    if named.ndim > 1 and named.shape[1] == 1:
        named = named[:, 0]
    if named.ndim > 1:
        raise ValueError(f"the model's predict returns {plural(named.shape[1], 'label')} a row; "
                         "choose the outputs of one target, xk.wrap(model, outputs=…).")
    return named


def classes_kept(predictor: Any, seen: list[Any]) -> list[Any] | None:
    """Return the class of each output kept; of a single one of two, the other class and its own.

    Parameters
    ----------
    predictor : Predictor
    seen : list
        The different labels, sorted: what a model does not say of its classes is read from them.

    Returns
    -------
    list or None
        None if the outputs kept are not one for each class.
    """
    outputs, declared = predictor.outputs, declared_by(predictor)
    names, kept = outputs.all_names or (), outputs.kept
    if isinstance(declared, list):
        return None
    if declared is not None and outputs.classes is not None:
        every, own = list(declared), [outputs.classes[k] for k in kept]
    elif declared is not None:
        # It answers with the label itself, or in pairs of classes.
        return list(declared) if len(names) == 1 else None
    else:
        of_all = classes_of_outputs(seen, names)
        if len(kept) == 1 < len(names) and not outputs.are_shares:
            # It may be the probability, among other numbers, if it has a name of its own.
            alone = not unnamed(names) and predictor.scale not in RAW
            return classes_of_outputs(seen, predictor.output_names or ()) if alone else None
        if of_all is None:
            return None
        every, own = of_all, [of_all[-len(names):][k] for k in kept]
    if len(own) == len(every):
        return own
    return [*(c for c in every if c != own[0]), *own] if len(own) == 1 and len(every) == 2 else None


def unnamed(outputs: tuple[str, ...]) -> bool:
    """Return whether several outputs have no names but those that count them."""
    return len(outputs) > 1 and outputs == tuple(f"output {k}" for k in range(len(outputs)))


def some_left_out(predictor: Any) -> str:
    """Return a sentence on outputs that the user left out; nothing if all are kept."""
    n_kept, n_all = (len(names or ()) for names in (
        predictor.output_names, predictor.outputs.all_names))
    if n_kept == n_all:
        return ""
    return (f"outputs= keeps {n_kept} of the model's {n_all} outputs, so the class that it names "
            "is not known; leave out outputs= to score it.")


def classes_of_outputs(seen: list[Any], names: tuple[str, ...]) -> list[Any] | None:
    """Return the class of each output of a function; of a single output, the other class and its.

    An output that is named as a label is of that class, also if other labels are not named: they
    are not known to the model. If no output is, the outputs are in the order of the sorted labels.

    Parameters
    ----------
    seen : list
        The different labels, sorted.
    names : tuple of str
        Of the outputs.

    Returns
    -------
    list or None
        None if the numbers of labels and outputs do not fit.

    Examples
    --------
    >>> classes_of_outputs(["no", "yes"], ("yes", "no")), classes_of_outputs([0, 1], ("risk",))
    (['yes', 'no'], [0, 1])
    """
    by_name = {str(label): label for label in seen}
    named = [by_name.get(name, _as_label(name, seen)) for name in names]
    if len(names) > 1 and not by_name.keys().isdisjoint(names):
        return named
    if len(seen) != max(len(names), 2) or spelled_otherwise(seen, names):
        return None
    return seen[::-1] if named == seen[:1] else seen


def spelled_otherwise(seen: list[Any], names: tuple[str, ...]) -> str:
    """Return a sentence on labels that are no names of outputs but look like some; else nothing.

    Examples
    --------
    >>> spelled_otherwise(["No", "Yes"], ("yes", "no"))
    "y holds 'No', and an output is called 'no': spell the labels as the outputs are named."
    """
    texts = [v for v in seen if isinstance(v, str)]
    alike = {name.strip().casefold(): name for name in names}
    found = [(v, alike[key]) for v in texts if (key := v.strip().casefold()) in alike]
    if not found or not set(texts).isdisjoint(names):
        return ""
    return (f"y holds {found[0][0]!r}, and an output is called {found[0][1]!r}: spell the labels "
            "as the outputs are named.")


def _as_label(name: str, seen: list[Any]) -> Any:
    """Return the label that a name stands for: a number among whole numbers, else the name."""
    whole = all(is_whole(label) for label in seen)
    return int(name) if whole and name.removeprefix("-").isdecimal() else name


def by_output_names(predictor: Any, labels: np.ndarray) -> np.ndarray:
    """Return labels that are names of outputs as the classes of these; all others as they are.

    A user may name the outputs of a model that knows 0, 1, 2 alone: then labels may be these names.
    """
    outputs, declared = predictor.outputs, declared_by(predictor)
    if outputs.classes is None or labels.ndim != 1 or isinstance(declared, list) \
            or (class_codes(labels, declared) >= 0).any():
        return labels
    codes = class_codes(labels, outputs.all_names)
    if (codes >= 0).all():
        return np.asarray(outputs.classes)[codes]
    found = labels.astype(object)
    found[codes >= 0] = [outputs.classes[c] for c in codes[codes >= 0]]
    return found


def order_of_classes(predictor: Any, batch: Batch, n_rows: int = _CLASSIFIED) -> list[str]:
    """Warn if the classes that a classifier names cannot come from its probabilities.

    Of two classes, any threshold may be the model's own: then the one that it names in the rows of
    larger probability must be the second. If it names one class alone, more rows are looked at; if
    it still does, nothing is known.

    Parameters
    ----------
    predictor : Predictor
    batch : batch of the predictor's schema
    n_rows : int
        How many of its rows are asked about.
    """
    few = take_rows(batch, np.arange(min(len(batch), n_rows)))
    classes = declared_by(predictor)
    if predictor.scale != "proba" or "predict" not in predictor.methods \
            or not isinstance(classes, np.ndarray) or classes.ndim != 1 or len(classes) < 2:
        return []
    try:
        shares = predictor.ask_method("predict_proba", few)
        named = predictor.ask_method("predict", few)
    except ModelError as error:
        return [f"The order of the classes could not be checked: {error}"]
    if shares.shape != (len(few), len(classes)) or named.shape != (len(few),):
        return []
    agreeing = int((classes[shares.argmax(axis=1)] == named).sum())
    second = named == classes[1]
    if 2 * agreeing >= len(few):
        return []
    if len(classes) == 2 and (second.all() or not second.any()):
        more = n_rows < min(len(batch), _SEARCHED)
        return order_of_classes(predictor, batch, _SEARCHED) if more else []
    if len(classes) == 2 and shares[second, 1].min() >= shares[~second, 1].max():
        return []
    return [f"Of {len(few)} rows, the class that predict names has the largest probability in only "
            f"{agreeing}: the columns of predict_proba may not be in the order of classes_ "
            f"({', '.join(map(str, classes[:8]))})."]
