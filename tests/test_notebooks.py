"""Notebooks are stored without outputs, are valid, and run from top to bottom."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="notebooks are read by nbformat")

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SECONDS = 600
"""Most for one cell; a whole notebook takes about 90 s on one core."""

NEEDS = {1: (), 2: ("torch",), 3: ("torch", "skimage"), 4: ()}
"""What each notebook needs beyond the package's own dependencies, by its number."""

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_notebooks_numbered_without_gaps():
    numbers = [int(re.match(r"(\d\d)_[a-z0-9_]+$", path.stem).group(1)) for path in NOTEBOOKS]
    assert numbers
    assert numbers == list(range(1, len(numbers) + 1))


@every_notebook
def test_it_is_valid_and_stored_without_outputs(path):
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [], cell.source
            assert cell.execution_count is None, cell.source
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert re.match(rf"# {int(path.stem[:2])}\. .+\?\n", first.source), "its title asks a question"


@every_notebook
@pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1" or os.environ.get("NUMBA_BOUNDSCHECK") == "1",
    reason="takes minutes without compiled kernels")
def test_it_runs_from_top_to_bottom(path):
    for module in ("ipykernel", *NEEDS[int(path.stem[:2])]):
        pytest.importorskip(module, reason=f"the notebook needs {module}")
    nbclient = pytest.importorskip("nbclient", reason="runs the notebooks")
    notebook = nbformat.read(path, as_version=4)
    # As for a reader: figures are drawn inline, whatever backend this process was given.
    env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    client = nbclient.NotebookClient(notebook, timeout=SECONDS, kernel_name="python3",
                                     resources={"metadata": {"path": str(FOLDER)}})
    client.execute(env=env)
    shown = [output for cell in notebook.cells if cell.cell_type == "code"
             for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in shown)
    # A warning on a reader's screen is a question that the notebook does not answer; tqdm's is about
    # a widget for its bars, which not every reader has.
    said = "".join(output.text for output in shown if output.get("name") == "stderr")
    assert re.findall(r"(?!TqdmWarning)\b\w*Warning", said) == [], said
