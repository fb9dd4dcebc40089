"""Models from files and modules, safest first; nothing runs code without being told to."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PICKLES = (".joblib", ".pkl", ".pickle")


def load_model(spec: str, *, allow_pickle: bool = False, trust: Sequence[str] = ()) -> Any:
    """Load a model named on a command line.

    Parameters
    ----------
    spec : str
        ``package.module:name`` (imported from the working directory or the installed packages; this
        runs the module's code), or a path ending in ``.skops``, ``.joblib``, ``.pkl``.
    allow_pickle : bool
        Pickles run code of whoever wrote them, so they are refused without this.
    trust : sequence of str
        Types that a skops file may hold beside those that skops knows to be safe.

    Raises
    ------
    ValueError
        If the format is not known, or not allowed.
    FileNotFoundError, ImportError
        If there is nothing of that name.

    Examples
    --------
    >>> load_model("math:hypot")(3.0, 4.0)
    5.0
    """
    suffix = Path(spec).suffix.lower()
    if suffix == ".skops":
        return _load_skops(_existing(spec), trust)
    if suffix in PICKLES:
        return _load_pickle(_existing(spec), allow_pickle)
    module, colon, name = spec.rpartition(":")
    if colon and module.replace(".", "").replace("_", "").isalnum() and name.isidentifier():
        return _import(module, name)
    raise ValueError(
        f"cannot load a model from {spec!r}: expected package.module:name or a file ending in "
        f".skops, {', '.join(PICKLES)}."
    )


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
    except ImportError:
        raise
    except Exception as error:
        raise ImportError(f"importing {module!r} failed: {error!r}.") from error
    if not hasattr(loaded, name):
        raise ImportError(f"module {module!r} has no {name!r}.")
    return getattr(loaded, name)


def _load_skops(path: Path, trust: Sequence[str]) -> Any:
    try:
        from skops.io import get_untrusted_types, load
    except ImportError as error:
        raise ImportError("reading .skops files needs skops: pip install 'xaikit[io]'.") from error
    try:
        unknown = sorted(set(get_untrusted_types(file=path)) - set(trust))
    except Exception as error:
        raise ValueError(f"{path} cannot be read as a skops file: {error!r}.") from error
    if unknown:
        raise ValueError(f"{path} holds types that are not known to be safe: "
                         f"{', '.join(unknown)}. If you trust them, name each with --trust TYPE.")
    return load(path, trusted=list(trust))


def _load_pickle(path: Path, allowed: bool) -> Any:
    if not allowed:
        raise ValueError(f"{path} is a pickle, and loading one runs code of whoever wrote it. If "
                         "you trust it, add --allow-pickle; .skops is the safe format.")
    warnings.warn(f"{path} is a pickle: loading it runs whatever code it holds.", stacklevel=3)
    import joblib

    try:
        return joblib.load(path)
    except Exception as error:
        raise ValueError(f"{path} cannot be read as a pickle: {error!r}.") from error
