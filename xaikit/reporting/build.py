"""Build a report: check, ask the model, measure, explain, write."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xaikit.explainers.scoring import BLOCKS, scorers_of
from xaikit.explanations.base import Explanation
from xaikit.explanations.encoding import encode
from xaikit.predictor.adapter import Predictor
from xaikit.predictor.wrapping import wrap
from xaikit.reporting import render
from xaikit.reporting.caveats import Caveat, raise_caveats
from xaikit.reporting.checks import Check
from xaikit.reporting.document import Section
from xaikit.reporting.facts import Facts
from xaikit.reporting.files import check_writable, names_beside
from xaikit.reporting.importance import METHODS, Options, check_plans
from xaikit.reporting.inputs import check_kept, check_texts, read_case, reported, rows_kept
from xaikit.reporting.investigate import find_out
from xaikit.reporting.sections import (
    data,
    examples,
    findings,
    importance,
    performance,
    provenance,
    shape,
    summary,
)
from xaikit.sampling.seeds import resolve_seed
from xaikit.settings import Kind, Whole, check, documented
from xaikit.tables.files import write_all
from xaikit.tables.schema import as_table
from xaikit.tables.targets import read_groups

_FORMAT = 1


@dataclass(frozen=True)
class Report:
    """A report: its parts as data, which can be written to files.

    Attributes
    ----------
    title : str
    summary : tuple of str
        The main results in a few sentences.
    explanations : dict of Explanation
        By method, cut to the reported output.
    sections : tuple of Section
        Sentences, tables and figures in the order of the page.
    caveats : tuple of str
        The most serious first.
    checks : tuple of Check
    warnings : tuple of str
        Warnings of the explainers.
    provenance, timing : dict
        What reproduces the report, and the seconds that it took.
    attributions, importances : DataFrame
        The contents of the CSV files.
    path : Path or None
        Path of the page; None if it was not written.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(40, 2))
    >>> r = report(lambda X: X[:, 0], X, path=None, methods=("permutation",))
    >>> [s.key for s in r.sections][:3]
    ['provenance', 'performance', 'data']
    """

    title: str
    summary: tuple[str, ...]
    explanations: dict[str, Explanation]
    sections: tuple[Section, ...]
    caveats: tuple[str, ...]
    checks: tuple[Check, ...]
    warnings: tuple[str, ...]
    provenance: dict[str, Any]
    timing: dict[str, Any]
    attributions: pd.DataFrame = field(repr=False)
    importances: pd.DataFrame = field(repr=False)
    path: Path | None = None

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables of the page, by name."""
        return {t.name: t.frame for s in self.sections for t in s.tables()}

    @property
    def texts(self) -> dict[str, list[str]]:
        """All sentences outside tables, by section."""
        return {s.key: s.texts() for s in self.sections}

    def to_html(self) -> str:
        """Return the page as HTML that needs no network."""
        return render.page(self.title, self.summary, self.sections)

    def to_markdown(self) -> str:
        """Return the report as Markdown, without figures."""
        return render.document(self.title, self.summary, self.sections)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON types.

        Only ``["timing"]`` contains seconds; everything else is reproducible.
        `xaikit.load_explanation` reads each of ``["explanations"]`` from a file.
        """
        still = {key: replace(e, cost=replace(e.cost, seconds=0.0, model_seconds=0.0)).to_dict()
                 for key, e in self.explanations.items()}
        return {
            "type": "Report", "format": _FORMAT, "title": self.title,
            "provenance": encode(self.provenance), "timing": encode(self.timing),
            "summary": list(self.summary), "caveats": list(self.caveats),
            "warnings": list(self.warnings),
            "checks": [{"name": c.name, "measured": c.measured, "verdict": c.verdict,
                        "advice": c.advice} for c in self.checks],
            "texts": self.texts,
            "tables": {name: encode(frame) for name, frame in self.tables.items()
                       if name != "timing"},
            "explanations": still,
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to `path`, and Markdown, JSON and CSV files beside it, all or none.

        Raises
        ------
        ValueError, OSError
            If `path` cannot be written to.
        """
        target = check_writable(path)
        files = names_beside(target)
        write_all({
            files["markdown"]: self.to_markdown(),
            files["json"]: json.dumps(self.to_dict(), allow_nan=False),
            files["importance"]: self.importances.to_csv(index=False),
            files["attributions"]: self.attributions.to_csv(index=False),
            files["html"]: self.to_html(),
        })
        return target

    def __repr__(self) -> str:
        where = "not saved" if self.path is None else str(self.path)
        return f"<Report {self.title!r}: {len(self.sections)} sections, {where}>"


@documented
def report(
    model: Any, X: Any, y: Any = None, background: Any = None, *,
    methods: Sequence[str] = tuple(METHODS), path: str | os.PathLike[str] | None = "report.html",
    output: int | str | None = None, groups: Any = None, scoring: Any = None,
    n_explain: int = 200, n_global: int = 2000, budget: int | str = "auto",
    title: str | None = None, random_state: Any = 0, n_jobs: int | None = None,
    verbose: bool = True,
    model_name: str | None = None, data_name: str | None = None, data_notes: Sequence[str] = (),
    sample_weight: Any = None, blocks: Any = BLOCKS,
) -> Report:
    """Write a report on a model and a table: an HTML page, with tables in files beside it.

    Parameters
    ----------
    model : estimator, torch module, callable or Predictor
        Anything that `xaikit.wrap` takes.
    X : DataFrame or array (n_rows, n_columns)
        The rows to report on, preferably not those that the model was fitted on.
    y : array (n_rows,), optional
        Their labels: classes or numbers. A Series is put in the order of X by its index. The
        performance is measured without rows whose label is missing (NaN, None).
    background : DataFrame or array, optional
        Rows whose values replace hidden features; `X` by default.
    methods : sequence of {"kernel_shap", "permutation", "mean_impact"}
    path : path or None
        The page; ``report.md``, ``report.json``, ``importance.csv`` and ``attributions.csv`` are
        written beside it. None writes nothing.
    {output, groups}
    scoring : str or callable, optional
        scikit-learn scorer for permutation importance.
    n_explain, n_global : int
        Most rows that Kernel SHAP explains, and that the other methods average over.
    budget : int or "auto"
        Most model rows asked per explained row. ``"auto"`` asks 4·M + 128 coalitions on at most
        100 background rows.
    title, model_name, data_name : str, optional
        Names to show on the page.
    data_notes : sequence of str
        Sentences on how the data were read, to show with their name.
    sample_weight : array (n_rows,), optional
        How much each row counts in the performance, permutation importance and mean impact. Rows of
        weight 0 are only described.
    blocks : int, None, or array (n_rows,)
        Blocks of rows that the jackknife of permutation importance leaves out, as in
        `PermutationImportance.explain`: None for a scorer that needs all rows, or the group of each
        row. Rows are sampled one by one: for whole groups, `n_global` must be all rows.
    {random_state, n_jobs, verbose}

    Returns
    -------
    Report
        The same seed gives the same files, except for times.

    Raises
    ------
    IndexError, KeyError
        If there is no such output.
    OSError
        If `path` cannot be written to; raised before the model is asked.
    TypeError
        If `X` holds what the JSON file cannot hold; raised before the model is asked.
    ValueError
        For rows, labels or settings that do not fit; raised before the model is asked if possible.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> X = X[["age", "bmi", "bp"]]
    >>> r = report(Ridge().fit(X, y), X, y, path=None, n_explain=20, n_global=50)
    >>> r.tables["ranks"]["feature"].iloc[0]
    'bmi'
    """
    started, target = time.perf_counter(), None if path is None else check_writable(path)
    check({"n_explain": n_explain, "n_global": n_global, "budget": budget, "n_jobs": n_jobs,
           "verbose": verbose}, {"n_explain": Whole(1), "n_global": Whole(1)})
    options = Options(_check_methods(methods), groups, _check_scoring(scoring), budget,
                      resolve_seed(random_state), n_jobs, verbose, _check_blocks(blocks, X))
    title, model_name, data_name = map(_shown, (title, model_name, data_name))
    check_texts(X, y, title=title, model_name=model_name, data_name=data_name,
                data_notes=_listed(data_notes), groups=_group_names(groups))
    predictor, kept = wrap(model), rows_kept(X, sample_weight, n_explain, options.seed)
    _check_rows(predictor, X, background, options, kept, output)
    case = read_case(predictor, X, y, background, n_explain=n_explain, n_global=n_global,
                     seed=options.seed, sample_weight=sample_weight, output=output)
    facts = find_out(case, options)
    found, timing = raise_caveats(facts), _times(facts, started)
    known = provenance.provenance(facts, model_name, data_name, _listed(data_notes))
    sections = _sections(facts, found, known, timing, target)
    sample = facts.sample
    made = Report(
        title=title or f"What {model_name or 'the model'} relies on",
        summary=summary.summarise(facts, found),
        explanations={r.key: r.result for r in facts.rankings}, sections=sections,
        caveats=tuple(c.text for c in found), checks=tuple(facts.checks),
        warnings=tuple(dict.fromkeys(warning for _, warning in facts.warnings)),
        provenance=known, timing=timing,
        attributions=pd.DataFrame() if sample is None else sample.to_frame(),
        importances=findings.importance_frame(facts.rankings), path=target,
    )
    if target is not None:
        made.save(target)
    return made


def _times(facts: Facts, started: float) -> dict[str, str]:
    return {"made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "seconds in the model": f"{facts.cost.model_seconds:.2f}",
            "seconds in all": f"{time.perf_counter() - started:.2f}"}


def _sections(
    facts: Facts, found: list[Caveat], known: dict[str, Any], timing: dict[str, Any],
    target: Path | None,
) -> tuple[Section, ...]:
    files = {} if target is None else {k: p.name for k, p in names_beside(target).items()}
    return (
        provenance.section(known, timing), performance.performance(facts), data.data(facts),
        importance.importance(facts), shape.shape(facts), examples.examples(facts),
        findings.checks(facts), findings.caveats(found), findings.tables(facts, files),
    )


def _check_rows(
    predictor: Predictor, X: Any, background: Any, options: Options, rows: np.ndarray,
    output: int | str | None,
) -> None:
    """Check what can be checked before the model is asked."""
    if predictor.output_names is not None:  # else they are known after the first answer
        reported(predictor, output)
    if "kernel_shap" in options.methods:
        check_kept(X, rows)
    if len(rows) and (background is None or len(as_table(background))):  # else `read_case` refuses
        check_plans(predictor, X, background, rows, options)


def _shown(name: Any) -> str | None:
    return None if name is None else str(name)


def _listed(notes: Sequence[str]) -> list[str]:
    return [str(v) for v in ([notes] if isinstance(notes, str) else notes)]


def _group_names(groups: Any) -> list[str]:
    return [str(name) for name in groups] if isinstance(groups, dict) else []


def _check_scoring(scoring: Any) -> Any:
    if scoring is not None:
        scorers_of(scoring, None)
    return scoring


def _check_blocks(blocks: Any, X: Any) -> Any:
    if blocks is None:
        return None
    if np.ndim(blocks) > 0:
        return read_groups(blocks, X, len(as_table(X)), "blocks")
    check({"blocks": blocks}, {"blocks": Whole(2)})
    return int(blocks)


def _check_methods(methods: Sequence[str]) -> tuple[str, ...]:
    check({"methods": methods}, {"methods": Kind(
        lambda given: isinstance(given, str | list | tuple), f"some of {', '.join(METHODS)}")})
    chosen = tuple(dict.fromkeys([methods] if isinstance(methods, str) else methods))
    unknown = [str(m) for m in chosen if m not in METHODS]
    if unknown or not chosen:
        raise ValueError(f"methods must be some of {', '.join(METHODS)}; got "
                         f"{', '.join(unknown) or 'none'}.")
    return chosen
