"""Rules by alibi and anchor-exp; run in an environment of their own (`make .venv-anchors/benched`).

``python -m benchmarks.peers_of_anchors FOLDER`` reads the tasks in the folder and writes into the
folder of each what the peers found: which held-out rows each rule covers, and how many columns it
names.
"""

from __future__ import annotations

import json
import logging
import random
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from alibi.explainers import AnchorTabular
from anchor.anchor_tabular import AnchorTabularExplainer

from benchmarks.anchor_tasks import Task
from benchmarks.cases import Counted

PRECISION = 0.95
Predicates = list[tuple[int, list[int]]]
"""Of each predicate the column, and the bins or levels that it allows."""


class Alibi:
    """alibi's AnchorTabular, as it comes."""

    package = "alibi"

    def __init__(self, task: Task, model: Counted) -> None:
        self.explainer = AnchorTabular(model, task.names, categorical_names=task.levels, seed=0,
                                       dtype=np.float64)
        self.explainer.fit(task.train)
        self.explainer.add_names_to_exp = self._keep
        self.discretize: Callable[[np.ndarray], np.ndarray]
        self.discretize = self.explainer.samplers[0].disc.discretize

    def _keep(self, found: dict[str, Any]) -> None:
        self.kept = list(found["feature"])  # to be replaced by columns
        AnchorTabular.add_names_to_exp(self.explainer, found)

    def explain(self, row: np.ndarray) -> tuple[Predicates, str]:
        """Return the predicates of a row's rule, and its words."""
        found = self.explainer.explain(row, threshold=PRECISION)
        e, predicates = self.explainer, []
        for p in self.kept:
            allowed = [e.cat_lookup[p]] if p in e.cat_lookup else e.ord_lookup[p]
            predicates.append((int(e.enc2feat_idx[p]), [int(v) for v in allowed]))
        return predicates, " and ".join(found.anchor)


class AnchorExp:
    """anchor-exp's AnchorTabularExplainer, as it comes."""

    package = "anchor-exp"

    def __init__(self, task: Task, model: Counted) -> None:
        self.model = model
        self.explainer = AnchorTabularExplainer([0, 1], task.names, task.train, task.levels)
        self.explainer.add_names_to_exp = self._keep
        self.discretize: Callable[[np.ndarray], np.ndarray] = self.explainer.disc.discretize

    def _keep(self, row: np.ndarray, found: dict[str, Any], mapping: dict[int, Any]) -> None:
        self.kept = [mapping[p] for p in found["feature"]]  # to be replaced by columns
        AnchorTabularExplainer.add_names_to_exp(self.explainer, row, found, mapping)

    def explain(self, row: np.ndarray) -> tuple[Predicates, str]:
        """Return the predicates of a row's rule, and its words."""
        found = self.explainer.explain_instance(row, self.model, threshold=PRECISION)
        predicates = []
        for c, way, v in self.kept:
            n = len(self.explainer.categorical_names[c])
            allowed = {"eq": [v], "leq": range(v + 1) if way == "leq" else (),
                       "geq": range(v + 1, n) if way == "geq" else ()}[way]
            predicates.append((int(c), [int(u) for u in allowed]))
        return predicates, " and ".join(found.names())


def covered(predicates: Predicates, cells: np.ndarray) -> np.ndarray:
    """Return which rows satisfy all predicates; without any, all do."""
    holds = np.ones(len(cells), dtype=bool)
    for c, allowed in predicates:
        holds &= np.isin(cells[:, c], allowed)
    return holds


def run(peer: type[Alibi] | type[AnchorExp], task: Task, folder: Path) -> None:
    """Explain the rows of a task after one that warms up, and write what was found."""
    np.random.seed(0)
    random.seed(0)
    model = Counted(task.says)
    start = time.perf_counter()
    explainer = peer(task, model)
    fitting = time.perf_counter() - start
    explainer.explain(task.held[0])
    model.rows, model.calls, model.seconds = 0, 0, 0.0
    start = time.perf_counter()
    found = [explainer.explain(row) for row in task.rows]
    seconds = time.perf_counter() - start + fitting
    about = {"package": peer.package, "version": version(peer.package), "model rows": model.rows,
             "calls": model.calls, "seconds": seconds, "model's seconds": model.seconds,
             "columns": [len({c for c, _ in predicates}) for predicates, _ in found],
             "words": [words for _, words in found]}
    own, held = explainer.discretize(task.rows), explainer.discretize(task.held)
    for i, (predicates, _) in enumerate(found):
        assert covered(predicates, own[[i]]).all(), "a rule does not hold for its own row"
    np.save(folder / f"{peer.package}.npy", np.array([covered(p, held) for p, _ in found]))
    (folder / f"{peer.package}.json").write_text(json.dumps(about))


def main() -> None:
    """Run both peers on all tasks of a folder."""
    logging.disable(logging.WARNING)  # alibi warns of each row without a rule
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        task = Task.load(folder)
        for peer in (Alibi, AnchorExp):
            run(peer, task, folder)


if __name__ == "__main__":
    main()
