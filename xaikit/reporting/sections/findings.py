"""Sections 7, 8 and 9: checks, caveats, and the full tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from xaikit.reporting.caveats import Caveat
from xaikit.reporting.checks import ACT, FINE, LOOK
from xaikit.reporting.document import Bullets, Section, Table, Text
from xaikit.reporting.facts import Facts
from xaikit.reporting.importance import Ranking
from xaikit.tables.wording import plural

MOST_ROWS = 50
# A sign and a word, since colour alone is not accessible.
VERDICTS = {FINE: "✓ fine", LOOK: "! look", ACT: "✕ act"}


def checks(facts: Facts) -> Section:
    """Write section 7."""
    table = pd.DataFrame([{"check": c.name, "measured": c.measured, "verdict": VERDICTS[c.verdict],
                           "what it means": c.advice} for c in facts.checks])
    counts = {v: sum(c.verdict == v for c in facts.checks) for v in VERDICTS}
    said = (f"{counts[FINE]} of {plural(len(facts.checks), 'check')} fine, {counts[LOOK]} to look "
            f"at, {counts[ACT]} to act on.")
    how = ("Additivity, sampling error and fidelity are measured on the explained rows; “other "
           "seeds” and “other background rows” compare three explanations of ten rows."
           if facts.sample is not None else
           "Kernel SHAP was not among the methods, so only the model itself was checked.")
    return Section("checks", "Checks", (Text(f"{said} {how}"),
                                        Table("checks", "Can these explanations be trusted?",
                                              table, longest=400)))


def caveats(found: list[Caveat]) -> Section:
    """Write section 8."""
    if not found:
        return Section("caveats", "Caveats of this data", (Text("There are none."),))
    return Section("caveats", "Caveats of this data", (
        Text("Raised by this model and these rows, the most serious first."),
        Bullets(tuple(c.text for c in found))))


def tables(facts: Facts, files: dict[str, str]) -> Section:
    """Write section 9."""
    blocks: list[object] = [
        Table("importance", "Importance of every feature by every method",
              importance_frame(facts.rankings), folded=True, together=(4, 5, 6, 7))]
    if facts.sample is not None:
        n = min(MOST_ROWS, facts.sample.n_rows)
        wide = facts.sample[:n].to_frame("wide")
        wide = wide.iloc[:, [0, *range(2, wide.shape[1])]]  # a feature may be named output, too
        blocks.append(Table("attributions", f"Contributions{facts.about} in "
                            f"{n} of {plural(facts.sample.n_rows, 'explained row')}", wide,
                            folded=True, together=(1, 2)))
    if files:
        blocks.append(Text(f"Beside this page: {files['importance']} and {files['attributions']} "
                           f"(all rows of these tables), {files['json']} (the explanations, exact) "
                           f"and {files['markdown']}."))
    return Section("tables", "Tables", tuple(blocks))


def importance_frame(rankings: list[Ranking]) -> pd.DataFrame:
    """Return all importances as one long frame."""
    parts = []
    for r in rankings:
        order = r.sizes.order(0)
        signed = r.sizes.details.get("signed")
        parts.append(pd.DataFrame({
            "method": r.key, "feature": [r.sizes.feature_names[j] for j in order],
            "output": r.sizes.output_names[0], "rank": np.arange(1, len(order) + 1),
            "importance": r.values[order], "lower": r.sizes.lower[order, 0],
            "upper": r.sizes.upper[order, 0],
            "signed": np.full(len(order), np.nan) if signed is None else signed[order, 0],
            "noise": r.noise, "above noise": r.above_noise[order],
        }))
    return pd.concat(parts, ignore_index=True)
