"""The house rules, read from the source: arrows, names, imports, and what is shipped."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import xaikit as xk

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(xk.__file__).resolve().parent
LOWER = ("tables", "kernels", "predictor", "networks", "explanations", "solvers", "sampling")
MAY_IMPORT = {
    "errors": (),
    "settings": (),
    "tables": (),
    "kernels": (),
    "predictor": ("tables",),
    "networks": ("tables",),
    "explanations": ("tables",),
    "solvers": ("kernels", "tables"),
    "sampling": ("kernels", "predictor", "tables"),
    "explainers": LOWER,
    "evaluation": (*LOWER, "explainers"),
    "plots": ("explanations", "tables"),
    "reporting": (*LOWER, "explainers", "evaluation", "plots"),
}
EVERYWHERE = ("errors", "settings")
ANYTHING = ("batch", "cli", "__main__")
SOURCES = sorted(PACKAGE.rglob("*.py"))


def module_name(path):
    parts = ["xaikit", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in SOURCES}
TREES = {name: ast.parse(path.read_text(encoding="utf8")) for name, path in MODULES.items()}


def room(name):
    return name.split(".")[1] if "." in name else ""


def imports(name, nodes):
    """Return every (module, imported name or None) of some nodes; relative imports made absolute."""
    found = []
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
                parts = package.split(".")
                parts = parts[: len(parts) - node.level + 1]
                source = ".".join([*parts, *([node.module] if node.module else [])])
            for alias in node.names:
                # `from xaikit.plots import style` imports a module, not a name.
                if f"{source}.{alias.name}" in MODULES:
                    found.append((f"{source}.{alias.name}", None))
                else:
                    found.append((source, alias.name))
    return found


def ours(name):
    return [(module, what) for module, what in imports(name, ast.walk(TREES[name]))
            if module == "xaikit" or module.startswith("xaikit.")]


def at_top(name):
    """Return the statements that run on import: not those in functions or for type checkers alone."""
    waiting, found = list(TREES[name].body), []
    while waiting:
        node = waiting.pop()
        found.append(node)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ClassDef):
            waiting += [child for child in ast.walk(node) if isinstance(child, ast.Import | ast.ImportFrom)]
    return found


@pytest.mark.parametrize("name", sorted(MODULES))
def test_arrows_point_one_way(name):
    here = room(name)
    if here in ANYTHING or name == "xaikit":
        return
    assert here in MAY_IMPORT, f"{name} is in a room that MAY_IMPORT and CONTRIBUTING.md do not list"
    for module, what in ours(name):
        there = room(module)
        if module == "xaikit":
            # Any room may import the version from the root; only reporting may import public names.
            assert what == "__version__" or here == "reporting", f"{name} imports the root's {what}"
            continue
        assert there in (here, *EVERYWHERE, *MAY_IMPORT[here]), f"{name} imports {module}"


def test_contributing_has_the_same_arrows():
    stated = {}
    for line in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rooms = re.findall(r"`(\w+)(?:/|\.py)`", cells[0])
        if line.startswith("| `") and len(cells) == 3:
            words = cells[2].replace("nothing of ours", "").replace(
                "those of explainers", ", ".join(LOWER))
            stated |= dict.fromkeys(rooms, set(words.split(", ")) - {""})
    expected = {room: set(others) for room, others in MAY_IMPORT.items()}
    assert stated == expected | {name: {"anything"} for name in ANYTHING if name != "__main__"}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_numba_lives_in_kernels(name):
    used = {module.split(".")[0] for module, _ in imports(name, ast.walk(TREES[name]))}
    assert "numba" not in used or room(name) == "kernels"


def test_one_decorator_owns_the_compiler_flags():
    users = [name for name in MODULES
             if any(module.split(".")[0] == "numba" for module, _ in imports(name, ast.walk(TREES[name])))]
    assert users == ["xaikit.kernels.compile"]


def test_kernels_call_kernels_of_their_own_file_only():
    # numba's cache on disk does not see that a function of another file was edited.
    for name in MODULES:
        if room(name) == "kernels":
            assert {module for module, _ in ours(name)} <= {"xaikit.kernels.compile"}


def test_no_import_cycles():
    edges = {
        name: {module for module, _ in imports(name, at_top(name)) if module in MODULES} - {name}
        for name in MODULES
    }
    done, path = set(), []

    def visit(name):
        assert name not in path, " → ".join([*path[path.index(name):], name])
        if name in done:
            return
        path.append(name)
        for other in sorted(edges[name]):
            visit(other)
        path.pop()
        done.add(name)

    for name in sorted(edges):
        visit(name)
    assert done == set(MODULES)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_underscore_names_stay_at_home(name):
    def private(word):
        return word.startswith("_") and not word.startswith("__")

    modules = set()
    for module, what in ours(name):
        assert not (what and private(what)), f"{name} imports {what} of {module}"
        modules.add((what or module).split(".")[-1])
    home = {node.name for node in ast.walk(TREES[name]) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            home.add(node.attr)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            home.add(node.id)
    for node in ast.walk(TREES[name]):
        if not isinstance(node, ast.Attribute) or not private(node.attr):
            continue
        if node.attr in ("_replace", "_asdict", "_fields", "_make"):
            continue  # public methods of named tuples, underscored only to keep clear of fields
        own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        # `super()._x` and `self._x` may be inherited; other objects' must be of this file.
        own = own or ast.unparse(node.value).startswith("super(")
        assert own or node.attr in home, f"{name} line {node.lineno} uses {ast.unparse(node)}"


MOST_LINES, MOST_IN_A_FUNCTION = 400, 40


def code_lines(function):
    """Count the lines of a function without its docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str)
    lines = function.end_lineno - function.lineno + 1
    return lines - (first.end_lineno - first.lineno + 1) * documented


@pytest.mark.parametrize("name", sorted(MODULES))
def test_files_and_functions_are_short(name):
    assert MODULES[name].read_text(encoding="utf8").count("\n") <= MOST_LINES
    long = {node.name: code_lines(node) for node in ast.walk(TREES[name])
            if isinstance(node, ast.FunctionDef) and code_lines(node) > MOST_IN_A_FUNCTION}
    assert not long


@pytest.mark.parametrize("name", sorted(MODULES))
def test_docstrings_begin_with_a_plain_verb(name):
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            first = (ast.get_docstring(node) or "").split(" ")[0]
            assert first not in ("Give", "Gives", "Say", "Says", "Tell", "Tells"), node.name


def test_the_walk_from_explain_to_the_model_is_short():
    from benchmarks.walk import table, walk

    for solver in ("wls", "exact"):
        found = walk(xk.KernelSHAP(solver=solver, budget=10**7, random_state=0), table())
        assert len(found.all_frames) <= 12, found.all_frames


@pytest.mark.parametrize("name", xk.__all__)
def test_public_names_are_there(name):
    value = getattr(xk, name)
    assert name in dir(xk)
    # Loaded once, then found without __getattr__.
    assert vars(xk)[name] is value


def test_public_names_are_complete():
    assert list(xk.__all__) == ["__version__", *sorted(n for n in xk.__all__ if n != "__version__")]
    wanted = {"Attribution", "Cost", "Game", "Importance", "KernelSHAP", "MeanImpactValue", "ModelError",
              "PermutationImportance", "Predictor", "TabularMasker", "load_explanation", "load_model",
              "plots", "report", "wrap"}
    assert wanted <= set(xk.__all__)
    assert set(xk.__all__) <= set(dir(xk))
    with pytest.raises(AttributeError, match="module 'xaikit' has no attribute 'Sorcery'"):
        xk.Sorcery  # noqa: B018


def test_public_functions_and_classes_say_what_they_do():
    for name in xk.__all__:
        if name not in ("__version__", "plots"):
            assert (getattr(xk, name).__doc__ or "").strip(), f"{name} has no docstring"


# pandas imports it for its text columns wherever it is installed.
PANDAS_BRINGS = {"pyarrow"}


def modules_after(code):
    """Run code in a process of its own; return the packages that were imported."""
    code += "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=PACKAGE.parent)
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_importing_xaikit_loads_next_to_nothing():
    loaded = modules_after("import xaikit as xk; dir(xk)")
    heavy = {"matplotlib", "sklearn", "numba", "pandas", "scipy", "numpy", "joblib", "jinja2", "tqdm"}
    assert "xaikit" in loaded
    assert loaded & heavy == set()


def test_explaining_loads_no_plots():
    loaded = modules_after(
        "import numpy as np, xaikit as xk; "
        "xk.KernelSHAP().fit(lambda X: X.sum(axis=1), np.zeros((2, 3))).explain(np.ones((1, 3)))")
    assert loaded & {"matplotlib", "shap", "torch", "lightgbm", "jinja2"} == set()


def test_wrapping_imports_no_framework_that_is_not_there_already():
    loaded = modules_after("""
import pandas as pd, xaikit as xk
from sklearn.linear_model import LinearRegression
X = pd.DataFrame({"a": [1.0, 2.0, 4.0], "t": ["x", "y", "x"]})
xk.wrap(LinearRegression().fit(X[["a"]], X["a"])).bind(X[["a"]])(X[["a"]])
xk.wrap(lambda Z: Z["a"]).bind(X)(X)
""")
    assert "sklearn" in loaded
    assert not loaded & {"torch", "keras", "xgboost", "lightgbm", "catboost", "onnxruntime",
                         "polars", "skops", "tensorflow", "pyarrow"} - PANDAS_BRINGS


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path):
    source = tmp_path / "source"
    # A copy: building in place would leave (and pick up) a build folder.
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(
        ".*", "build", "dist", "*.egg-info", "__pycache__", "notebooks", "results"))
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation",
               "--disable-pip-version-check", "--wheel-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"xaikit-{xk.__version__}-py3-none-any.whl"
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in names} == {"xaikit", f"xaikit-{xk.__version__}.dist-info"}
    shipped = {path.relative_to(ROOT).as_posix() for path in (source / "xaikit").rglob("*")
               for path in [ROOT / path.relative_to(source)] if path.is_file()}
    assert {name for name in names if name.startswith("xaikit/")} == shipped
    assert "xaikit/py.typed" in names
    templates = PACKAGE / "reporting" / "templates"
    if templates.is_dir():
        assert any(name.startswith("xaikit/reporting/templates/") for name in names)
