"""Section 1: what the report was made from. Times are in its last table only."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pandas as pd

import xaikit
from xaikit.predictor.attributes import attribute
from xaikit.reporting.document import Section, Table, Text
from xaikit.reporting.facts import Facts
from xaikit.reporting.importance import BACKGROUND_ROWS
from xaikit.reporting.inputs import MOST_SCORED, Case
from xaikit.tables.files import content_hash
from xaikit.tables.labels import labels
from xaikit.tables.wording import plural


def provenance(
    facts: Facts, model_name: str | None, data_name: str | None, data_notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Return what reproduces the report, without times."""
    case, n = facts.case, len(facts.case.frame)
    given = "the rows reported on" if not case.background_given else "given"
    task = facts.truth.task or case.predictor.task or "not known"
    return {
        "model": model_name or describe_model(case.predictor.model_of_methods),
        "kind and task": f"{case.predictor.kind}, {task}",
        "output reported": f"{facts.output} (of {len(case.output_names)}: "
                           f"{', '.join(labels(case.output_names[:8], 60))}"
                           f"{', …' if len(case.output_names) > 8 else ''})",
        "scale of the output": f"{case.predictor.scale}: {facts.unit}",
        "data": data_name or "not named",
        **({"how it was read": " ".join(data_notes)} if data_notes else {}),
        "sha256 of rows and labels": content_hash(case.table, case.y, case.predictor.columns),
        "rows and columns": f"{n:,} × {len(case.predictor.columns.names)}",
        "rows used": rows_used(facts),
        **weights_used(case),
        "background": f"{len(case.background):,} rows ({given}); Kernel SHAP uses "
                      f"{min(len(case.background), BACKGROUND_ROWS)} of them",
        "methods": ", ".join(facts.options.methods),
        "seed": case.seed,
        "versions": versions(),
        "model rows asked": facts.cost.model_rows,
        "calls of the model": facts.cost.calls,
    }


def rows_used(facts: Facts) -> str:
    """Return how many rows each part of the report uses."""
    case, n = facts.case, len(facts.case.frame)
    scored = f"performance {len(case.scored):,}" + (
        f" (at most {MOST_SCORED:,})" if n > MOST_SCORED else "")
    parts = [f"data {n:,}", scored, f"permutation and mean impact {len(case.averaged):,}"]
    if facts.sample is not None:
        parts.append(f"Kernel SHAP {facts.sample.n_rows:,}")
    return "; ".join(parts)


def weights_used(case: Case) -> dict[str, str]:
    """Return what was weighted, nothing without weights."""
    if case.weights is None:
        return {}
    n, digest = int((case.weights > 0).sum()), hashlib.sha256(case.weights.tobytes()).hexdigest()
    return {"weights": f"sample_weight, above 0 in {plural(n, 'row')}, sha256 {digest[:16]}; used "
                       "in the performance, permutation importance and mean impact. Kernel SHAP, "
                       "its mean over rows, and the section on the data do not use them."}


def versions() -> str:
    """Return the versions of the packages that the numbers may depend on."""
    found = [f"xaikit {xaikit.__version__}", f"Python {platform.python_version()}"]
    for package in ("numpy", "pandas", "scikit-learn", "numba"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    return ", ".join(found)


def describe_model(model: Any) -> str:
    """Return a description of a model, without addresses and all else that differs between runs.

    Examples
    --------
    >>> describe_model(len), describe_model(object())
    ('len', '<object object>')
    """
    name = attribute(model, "__qualname__")
    steps = attribute(model, "steps")
    if name is not None:
        return str(name)
    if isinstance(steps, list) and all(isinstance(s, tuple) and len(s) == 2 for s in steps):
        return " → ".join(describe_model(step) for _, step in steps)
    transformers = attribute(model, "transformers")
    if isinstance(transformers, list):
        return type(model).__name__  # its repr lists all column names
    text = " ".join(re.sub(r" at 0x[0-9a-fA-F]+", "", repr(model)).split())
    return text if len(text) <= 200 else f"{type(model).__name__} ({text[:150]}…)"


def section(known: dict[str, Any], timing: dict[str, Any]) -> Section:
    """Write the section."""
    return Section("provenance", "Provenance", (
        Text("What this report was made from. The same seed, model and data give the same report, "
             "except for times."),
        Table("provenance", "Model, data and settings", _frame(known), longest=600),
        Table("timing", "Times, which differ between runs", _frame(timing), timing=True),
    ))


def _frame(known: dict[str, Any]) -> pd.DataFrame:
    values = [f"{v:,}" if isinstance(v, int) and k != "seed" else str(v) for k, v in known.items()]
    return pd.DataFrame({"what": list(known), "value": values})
