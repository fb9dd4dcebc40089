"""How far rules hold on rows of a user's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xaikit.explainers.anchors.judged import two_sided
from xaikit.explainers.anchors.meanings import meaning_described
from xaikit.explanations.anchor import RuleScore, Share
from xaikit.predictor.wrapping import wrap
from xaikit.tables.rules import Rule
from xaikit.tables.schema import as_table, other_than_table
from xaikit.tables.shown import Shown

ERROR = 0.05
"""How often an interval may be wrong."""


def score_rules(rules: Sequence[Rule | Shown], said: Sequence[Any], meaning: dict[str, Any],
                model: Any, X: Any) -> RuleScore:
    """Measure rules together: the first that holds for a row says what the model is to say.

    Parameters
    ----------
    rules : sequence of rules
    said : sequence of labels or numbers
        What the model says where each rule holds.
    meaning : dict
        When an answer is the same; see `RuleSet.meaning`.
    model : estimator, torch module, callable or Predictor
    X : table or texts
    """
    predictor = wrap(model, outputs=meaning.get("output"))
    texts = bool(rules) and isinstance(rules[0], Shown)
    rows = ([X] if isinstance(X, str) else list(X)) if texts else X
    if not texts and other_than_table(X):
        raise TypeError(f"the rules are about tables, got {other_than_table(X)}.")
    table = rows if texts else as_table(rows)
    first = np.full(len(table), -1)
    for i, rule in reversed(list(enumerate(rules))):
        first[rule.applies(table)] = i
    predictor = predictor.bind(rows)
    assert predictor.schema is not None
    reads = meaning_described(meaning, predictor)
    answers = reads.read(predictor, predictor.schema.conform(rows))
    agree = np.zeros(len(answers), dtype=bool)
    for i in np.unique(first[first >= 0]):
        own = first == i
        agree[own] = reads.agrees(answers[own], said[i])
    covered, n = int((first >= 0).sum()), len(answers)
    return RuleScore(_share(int(agree.sum()), covered), _share(covered, n))


def _share(k: int, n: int) -> Share:
    return Share(k / n if n else float("nan"), *two_sided(k, n, ERROR), n)
