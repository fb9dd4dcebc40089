"""Count the functions and files between `explain` and the model, which a reader has to follow.

    python -m benchmarks.walk [--verbose]

Each method explains rows of a pandas table, and the tracing stops at its first question to the
model. Questions of the probe, which checks a model before the work begins, do not count.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

import xaikit as xk
from benchmarks.tables import markdown
from xaikit.predictor.probe import probe

PACKAGE = Path(xk.__file__).parent
INNER = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
"""Parts of a function that have frames of their own in some versions of Python."""
N_ROWS = 3


@dataclass(frozen=True)
class Walk:
    """The way from `explain` to the model.

    Attributes
    ----------
    frames : tuple of str
        Functions of xaikit on the stack when the model is asked, from `explain` on.
    all_frames : tuple of str
        The same with functions of other packages, such as joblib, but without the model's own.
    files : tuple of str
        Files of xaikit in which a function ran between the two, whether it is on the stack or has
        returned. Compiled kernels count: numba reports their calls to the profiler.
    """

    frames: tuple[str, ...]
    all_frames: tuple[str, ...]
    files: tuple[str, ...]


class Witness(LinearRegression):
    """A model that calls `asked`, where there is one, before it answers."""

    asked: Callable[[], None] | None = None

    def predict(self, X: Any) -> np.ndarray:
        if self.asked is not None:
            self.asked()
        return super().predict(X)


def walk(explainer: Any, X: pd.DataFrame) -> Walk:
    """Trace an explainer from `explain` to the first question to the model.

    Parameters
    ----------
    explainer : Explainer
        Not fitted yet: it is fitted here, with `X` as the background.
    X : DataFrame (n_rows, n_columns) of numbers
        Its first three rows are explained.

    Raises
    ------
    RuntimeError
        If `explain` asks the model nothing.
    """
    model = Witness().fit(X, X.sum(axis=1))
    explainer.fit(model, X)
    explainer.explain(X[:N_ROWS])  # imports and compiles
    start, before = sys._getframe(), sys.getprofile()
    files: dict[str, None] = {}
    stacks: list[list[CodeType]] = []

    def count(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and _is_ours(frame.f_code):
            files[_file(frame.f_code)] = None

    def asked() -> None:
        stack = _codes(sys._getframe(2), start)
        if probe.__code__ not in stack:
            sys.setprofile(before)
            model.asked = None
            stacks.append(stack)

    model.asked = asked
    sys.setprofile(count)
    try:
        explainer.explain(X[:N_ROWS])
    finally:
        sys.setprofile(before)
    if not stacks:
        raise RuntimeError(f"expected {explainer!r} to ask the model, but it asked nothing.")
    stack = [code for code in stacks[0] if code.co_name not in INNER]
    return Walk(tuple(_shown(code) for code in stack if _is_ours(code)),
                tuple(_shown(code) for code in stack), tuple(sorted(files)))


def _codes(frame: FrameType | None, start: FrameType) -> list[CodeType]:
    """Return the code of the frames called since `start`, in the order of the calls."""
    codes = []
    while frame is not None and frame is not start:
        codes.append(frame.f_code)
        frame = frame.f_back
    return codes[::-1]


def _is_ours(code: CodeType) -> bool:
    return Path(code.co_filename).is_relative_to(PACKAGE)


def _file(code: CodeType) -> str:
    return Path(code.co_filename).relative_to(PACKAGE).as_posix()


def _shown(code: CodeType) -> str:
    file = _file(code) if _is_ours(code) else Path(code.co_filename).name
    return f"{file}: {code.co_qualname}"


def table() -> pd.DataFrame:
    """Return 100 rows of 12 normal numbers."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(100, 12)), columns=[f"c{i}" for i in range(12)])


def methods() -> list[Any]:
    """Return the explainers whose walks are counted."""
    return [
        *(xk.KernelSHAP(random_state=0, solver=solver) for solver in ("auto", "wls", "exact")),
        xk.LIME(random_state=0), xk.Occlusion(random_state=0),
        xk.MeanImpactValue(random_state=0), xk.PermutationImportance(random_state=0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.walk", description=(
        "Count the functions and files of xaikit between explain and the model."))
    parser.add_argument("--verbose", action="store_true", help="list the frames and the files")
    verbose = parser.parse_args().verbose
    walks = {repr(explainer): walk(explainer, table()) for explainer in methods()}
    print(markdown([{"method": name, "frames of ours": len(way.frames),
                     "frames in all": len(way.all_frames), "files": len(way.files)}
                    for name, way in walks.items()]))
    for name, way in walks.items() if verbose else ():
        print(f"\n{name}\n  frames:", *way.all_frames, sep="\n    ")
        print("  files:", *way.files, sep="\n    ")


if __name__ == "__main__":
    main()
