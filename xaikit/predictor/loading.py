"""Models from files and modules, safest first; no code runs without permission."""

from __future__ import annotations

import importlib
import re
import sys
import warnings
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from xaikit.errors import FormatError, TrustError
from xaikit.tables.wording import cut

PICKLES = (".joblib", ".pkl", ".pickle")
SCRIPTS = (".pt", ".pth", ".ts", ".torchscript")

MOST_UNPACKED = 2**26
"""Bytes that an archive may always unpack to, 64 MiB."""
MOST_PACKED = 100
"""Times its own size that a larger one may unpack to."""


def load_model(spec: str, *, allow_pickle: bool = False, trust: Sequence[str] = ()) -> Any:
    """Load a model named on a command line.

    Parameters
    ----------
    spec : str
        ``package.module:name`` (imported from the working directory or the installed packages; this
        runs the module's code), or a path whose ending names the format: ``.onnx``, ``.skops``,
        ``.keras``, ``.ubj`` and ``.json`` (XGBoost), ``.txt`` (LightGBM), ``.cbm`` (CatBoost),
        ``.pt2``, ``.pt``, ``.pth``, ``.ts``, ``.torchscript`` (exported and scripted torch),
        ``.joblib``, ``.pkl``, ``.pickle``.
    allow_pickle : bool
        Whether to read pickles and torch's files, which can run code of whoever wrote them.
    trust : sequence of str
        Types that a skops file may hold besides those that skops knows to be safe.

    Returns
    -------
    model
        As its library returns it: an ONNX session, a Booster, an ExportedProgram, an estimator, …

    Raises
    ------
    TrustError
        If reading the file can run code and `allow_pickle` or `trust` does not permit it.
    FormatError
        If the file is damaged or of another format than its ending says.
    ValueError
        If `spec` is neither ``package.module:name`` nor a file with a known ending.
    FileNotFoundError, ImportError
        If nothing of that name exists, or the library of the format is not installed.

    Examples
    --------
    >>> load_model("math:hypot")(3.0, 4.0)
    5.0
    """
    suffix = Path(spec).suffix.lower()
    if suffix == ".skops":
        return _read(_existing(spec), partial(_skops, trust=trust))
    if suffix in PLAIN:
        return _read(_existing(spec), PLAIN[suffix])
    if suffix in SCRIPTS:
        _read(_existing(spec), _check_script)
    if suffix in RISKY:
        reader, why = RISKY[suffix]
        return _read_risky(_existing(spec), reader, why, allow_pickle)
    module, colon, name = spec.rpartition(":")
    if colon and module.replace(".", "").replace("_", "").isalnum() and name.isidentifier():
        return _import(module, name)
    endings = ", ".join([".skops", *PLAIN, *RISKY])
    raise ValueError(f"cannot load a model from {spec!r}: expected package.module:name or a file "
                     f"ending in one of {endings}.")


def _existing(spec: str) -> Path:
    path = Path(spec)
    if not path.is_file():
        raise FileNotFoundError(f"there is no model file {spec!r}.")
    return path


def _import(module: str, name: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        loaded = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        words = str(error) if isinstance(error, ImportError) else repr(error)
        raise ImportError(f"importing {module!r} failed: {words.rstrip('.')}.") from error
    if not hasattr(loaded, name):
        raise ImportError(f"module {module!r} has no {name!r}.")
    return getattr(loaded, name)


def _read(path: Path, reader: Callable[[Path], Any]) -> Any:
    try:
        return reader(path)
    except (ImportError, FormatError, TrustError):
        raise
    except (Exception, SystemExit) as error:
        first = (str(error).strip().splitlines() or [repr(error)])[0]
        raise FormatError(f"{path} cannot be read as a {path.suffix.lower()} file: "
                          f"{type(error).__name__}: {cut(first, 300)}") from error


def _read_risky(path: Path, reader: Callable[[Path], Any], why: str, allowed: bool) -> Any:
    if not allowed:
        raise TrustError(f"{path} {why}, and loading one runs code of whoever wrote it. If you "
                         "trust it, add --allow-pickle (allow_pickle=True); .onnx and .skops are "
                         "safe formats.")
    warnings.warn(f"{path} {why}: loading it runs whatever code it holds.", stacklevel=3)
    return _read(path, reader)


def _library(name: str, package: str | None = None) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"reading this file needs {package or name}: pip install "
                          f"{package or name} ({error}).") from error


def _onnx(path: Path) -> Any:
    runtime = _library("onnxruntime")
    return runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def _check_unpacked(path: Path) -> None:
    """Refuse an archive that would unpack to far more than it is, before any of it is unpacked."""
    if not zipfile.is_zipfile(path):
        return  # its reader says so
    with zipfile.ZipFile(path) as archive:
        unpacked, packed = sum(part.file_size for part in archive.infolist()), path.stat().st_size
    if unpacked > max(MOST_UNPACKED, MOST_PACKED * packed):
        raise FormatError(f"{path} of {packed:,} bytes would unpack to {unpacked:,}, over "
                          f"{MOST_PACKED} times its size, and was not read. If it is yours, save "
                          "it without compression.")


def _skops(path: Path, trust: Sequence[str]) -> Any:
    skops = _library("skops.io", "skops")
    _check_unpacked(path)
    unknown = sorted(set(skops.get_untrusted_types(file=path)) - set(trust))
    if unknown:
        raise TrustError(f"{path} holds types that are not known to be safe: "
                         f"{', '.join(unknown)}. If you trust them, name each with --trust TYPE.")
    return skops.load(path, trusted=list(trust))


def _keras(path: Path) -> Any:
    try:
        keras = _library("keras")
    except (ImportError, ValueError) as error:
        raise ImportError(f"{error} Keras also needs a back end: set KERAS_BACKEND to torch, jax "
                          "or tensorflow, whichever is installed.") from error
    if not zipfile.is_zipfile(path):
        raise FormatError(f"{path} cannot be read as a .keras file: it is no zip archive. Save it "
                          "with model.save(path) of Keras 3.")
    _check_unpacked(path)
    # Safe mode refuses Lambda layers, which hold code.
    return keras.saving.load_model(path, safe_mode=True, compile=False)


def _xgboost(path: Path) -> Any:
    xgboost = _library("xgboost")
    content = path.read_bytes().strip()
    # XGBoost reads past the end of a truncated file, which can crash the process.
    if b"learner" not in content or not (content[:1] == b"{" and content[-1:] == b"}"):
        raise FormatError(f"{path} is not a complete XGBoost model. Save it with "
                          "booster.save_model(path).")
    return xgboost.Booster(model_file=bytearray(content))


def _lightgbm(path: Path) -> Any:
    lightgbm = _library("lightgbm")
    text = path.read_text(encoding="utf8")
    # LightGBM crashes the process on a file truncated within its trees or parameters.
    trees = text.startswith("tree\n") and "\nend of trees" in text
    settings = "\nparameters:" not in text or "\nend of parameters" in text
    if not (trees and settings):
        raise FormatError(f"{path} is not a complete LightGBM model: expected text from 'tree' to "
                          "'end of parameters'. Save it with booster.save_model(path).")
    # With their sizes LightGBM reads the trees in threads, where a broken one crashes as well.
    return lightgbm.Booster(model_str=re.sub(r"(?m)^tree_sizes=.*\n", "", text, count=1))


def _catboost(path: Path) -> Any:
    catboost = _library("catboost")
    # A file does not say which class saved it. If it knows classes, read it as a classifier, so
    # that it answers probabilities; else as a regressor, since plain CatBoost answers on the scale
    # of its trees.
    known = len(catboost.CatBoost().load_model(str(path)).classes_)
    estimator = catboost.CatBoostClassifier if known else catboost.CatBoostRegressor
    return estimator().load_model(str(path))


def _exported(path: Path) -> Any:
    _library("torch")
    return _library("torch.export").load(path)


def _check_script(path: Path) -> None:
    # Only a script holds code; torch.save writes a state dict, or a pickle of Python classes.
    names = zipfile.ZipFile(path).namelist() if zipfile.is_zipfile(path) else []
    if not any("/code/" in name for name in names):
        raise FormatError(f"{path} is no TorchScript: a file of torch.save holds weights, or a "
                          "pickle that needs its Python classes. Build the module, load its state "
                          "dict, and save that with torch.export.save or torch.jit.save.")


def _script(path: Path) -> Any:
    return _library("torch").jit.load(path, map_location="cpu")


def _pickle(path: Path) -> Any:
    import joblib

    return joblib.load(path)


PLAIN: dict[str, Callable[[Path], Any]] = {
    ".onnx": _onnx, ".keras": _keras, ".ubj": _xgboost, ".json": _xgboost, ".txt": _lightgbm,
    ".cbm": _catboost,
}
"""Formats that hold numbers and graphs, but no Python code."""
RISKY: dict[str, tuple[Callable[[Path], Any], str]] = {
    ".pt2": (_exported, "is read by torch with pickle"),
    **dict.fromkeys(SCRIPTS, (_script, "is a program that torch reads")),
    **dict.fromkeys(PICKLES, (_pickle, "is a pickle")),
}
"""Formats that can run code when they are read, and why."""
