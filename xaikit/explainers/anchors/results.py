"""The rule set of a table, of texts or of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from xaikit.explainers.anchors.judged import Judged
from xaikit.explainers.anchors.meanings import Meaning
from xaikit.explanations.rules import RuleSet
from xaikit.explanations.rules_of_units import ImageRules, TextRules
from xaikit.sampling.image import ImageMasker
from xaikit.sampling.maskers import Masker
from xaikit.sampling.tabular import TabularMasker
from xaikit.tables.tables import Batch

_NUMBERS = ("precision", "precision_lower", "precision_upper", "coverage", "coverage_lower",
            "coverage_upper", "n_checked", "verified", "steps")


def rule_set(masker: Masker, batch: Batch, found: Sequence[Judged], said: np.ndarray,
             meaning: Meaning, about: Mapping[str, Any]) -> RuleSet:
    """Make the rule set of a batch.

    Parameters
    ----------
    masker : Masker
    batch : batch
        What was explained.
    found : sequence of Judged
        One for each row.
    said : array (n_rows,)
        What the model says of the rows.
    meaning : Meaning
    about : mapping
        Further fields.
    """
    counted = [i for i, one in enumerate(found) for _ in one.counter_said]
    fields: dict[str, Any] = {
        **about, **{name: tuple(getattr(one, name) for one in found) for name in _NUMBERS},
        "rules": tuple(one.rule for one in found),
        "reasons": tuple(one.reason for one in found),
        "stop_reasons": tuple(one.stop for one in found),
        "distributions": tuple(one.distribution for one in found),
        "answers": tuple(meaning.words(own) for own in said), "said": tuple(said.tolist()),
        "meaning": meaning.described(), "counter_of": counted,
        "counter_answers": [meaning.words_of(own) for one in found for own in one.counter_said],
    }
    counters = [one.counters for one in found if len(one.counter_said)]
    if masker.kind == "text":
        spans = [masker.rows([text], first=i)[0].layout for i, text in enumerate(batch)]
        texts = pd.DataFrame({"text": [text for own in counters for text in own]}, dtype=str)
        return TextRules(texts=tuple(batch), spans=spans, feature_names=(), **fields,
                         row_names=tuple(range(len(batch))), counters=texts if counters else None)
    if masker.kind == "image":
        assert isinstance(masker, ImageMasker)
        rows = masker.rows(batch, first=0)
        labels = np.stack([rows[i].layout for i in range(len(rows))])
        return ImageRules(
            images=batch, labels=labels, channels=masker.channels_of(batch.shape), **fields,
            feature_names=tuple(f"segment {u}" for u in range(int(labels.max()) + 1)),
            row_names=tuple(range(len(batch))), counters=_padded(counters) if counters else None)
    assert isinstance(masker, TabularMasker)
    schema = masker.schema
    frames = [schema.to_frame(own) for own in counters]
    return RuleSet(
        row_names=tuple(getattr(batch, "index", range(len(batch)))), feature_names=schema.names,
        data=schema.to_frame(batch), **fields,
        counters=pd.concat(frames, ignore_index=True) if frames else None)


def _padded(masks: Sequence[np.ndarray]) -> np.ndarray:
    """Return masks of images as one array; regions that an image does not have are not shown."""
    out = np.zeros((sum(map(len, masks)), max(own.shape[1] for own in masks)), dtype=bool)
    start = 0
    for own in masks:
        out[start:start + len(own), :own.shape[1]] = own
        start += len(own)
    return out
