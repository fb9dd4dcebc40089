"""Models from files and modules, safest first; nothing runs code without being told to."""

from __future__ import annotations

import importlib
import io
import json
import operator
import re
import sys
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple


def load_model(spec: str, *, allow_pickle: bool = False, trust: Sequence[str] = ()) -> Any:
    """Load a model named on a command line.

    Parameters
    ----------
    spec : str
        ``package.module:name`` (imported from the working directory or the installed packages; this
        runs the module's code), or a path ending in ``.onnx``, ``.skops``, ``.pt2``, ``.pt``,
        ``.pth``, ``.ts``, ``.torchscript``, ``.keras``, ``.ubj``, ``.json``, ``.txt``, ``.cbm``,
        ``.joblib``, ``.pkl`` or ``.pickle``.
    allow_pickle : bool
        Pickles run code of whoever wrote them, so they are refused without this; so are torch
        programs that hold a pickle, or that do more than compute.
    trust : sequence of str
        Types that a skops file may hold beside those that skops knows to be safe.

    Returns
    -------
    object
        What the framework makes of the file, for `wrap`; of CatBoost, its classifier or regressor.

    Raises
    ------
    ValueError
        If the format is not known, or not allowed, or the file is damaged.
    FileNotFoundError, ImportError
        If there is nothing of that name, or the package that reads it is not installed.

    Examples
    --------
    >>> load_model("math:hypot")(3.0, 4.0)
    5.0
    """
    reader = READERS.get(Path(spec).suffix.lower())
    if reader is not None:
        return _read(reader, _existing(spec), _Permits(allow_pickle, tuple(trust)))
    module, colon, name = spec.rpartition(":")
    if colon and module.replace(".", "").replace("_", "").isalnum() and name.isidentifier():
        return _import(module, name)
    raise ValueError(
        f"cannot load a model from {spec!r}: expected package.module:name or a file ending in "
        f"{', '.join(READERS)}."
    )


class _Permits(NamedTuple):
    pickle: bool
    trust: tuple[str, ...]


@dataclass(frozen=True)
class _Reader:
    """How files of one kind are read: by which package, installed how, by which function."""

    kind: str
    package: str
    load: Callable[[Any, Path, _Permits], Any]
    install: str = ""


class _Refused(ValueError):
    """What is in the file may be whole, but is not loaded; the message is for the user."""


def _read(reader: _Reader, path: Path, permits: _Permits) -> Any:
    package = _package(reader, path)
    try:
        return reader.load(package, path, permits)
    except _Refused:
        raise
    except ImportError as error:
        raise ImportError(f"{path} needs a package that is missing: {error}.") from error
    except Exception as error:
        said = next(iter(str(error).strip().splitlines()), "")[:200]
        raise ValueError(f"{path} cannot be read as a {reader.kind}: "
                         f"{type(error).__name__}: {said}") from error


def _existing(spec: str) -> Path:
    path = Path(spec)
    if path.is_dir():
        raise ValueError(f"{spec!r} is a folder; expected a model file.")
    if not path.is_file():
        raise FileNotFoundError(f"there is no model file {spec!r}.")
    if path.stat().st_size == 0:
        raise ValueError(f"the model file {spec!r} is empty.")
    return path


def _package(reader: _Reader, path: Path) -> Any:
    top = reader.package.partition(".")[0]
    if top not in sys.modules and find_spec(top) is None:
        raise ImportError(f"reading {path.suffix} files needs {top}: "
                          f"pip install {reader.install or top}.")
    try:
        return importlib.import_module(reader.package)
    except Exception as error:
        advice = " Name a backend that is installed in the environment variable KERAS_BACKEND: " \
                 "torch, jax or tensorflow." if top == "keras" else ""
        raise ImportError(f"{top}, which reads {path.suffix} files, is installed but cannot be "
                          f"imported: {error}.{advice}") from error


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


def _load_onnx(onnxruntime: Any, path: Path, permits: _Permits) -> Any:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def _load_skops(skops_io: Any, path: Path, permits: _Permits) -> Any:
    unknown = sorted(set(skops_io.get_untrusted_types(file=path)) - set(permits.trust))
    if unknown:
        raise _Refused(f"{path} holds types that are not known to be safe: {', '.join(unknown)}. "
                       "If you trust them, name each with --trust TYPE.")
    return skops_io.load(path, trusted=list(permits.trust))


def _load_torch(torch: Any, path: Path, permits: _Permits) -> Any:
    """Tell by what is inside; torch's own reader, for another may see another file in the zip."""
    if path.open("rb").read(1) == b"\x80":
        raise _plain(path)
    archive = torch._C.PyTorchFileReader(str(path))
    names = archive.get_all_records()
    if "archive_format" in names:
        _check_exported(torch, archive, path, permits)
        with path.open("rb") as file:
            return torch.export.load(file)
    if "constants.pkl" in names:
        _check_script(archive, path, permits)
        return torch.jit.load(str(path), map_location="cpu")
    if "data.pkl" in names:
        raise _plain(path)
    raise _Refused(f"{path} is no TorchScript file and no exported program of torch 2.8 or later: "
                   "save the model with torch.export.save or torch.jit.save.")


def _plain(path: Path) -> _Refused:
    return _Refused(f"{path} was written by torch.save: it holds weights without their model, or a "
                    "pickle of the model, which would run code of whoever wrote it. Save the "
                    "model with torch.export.save (.pt2) or torch.jit.save (.pt).")


def _check_script(archive: Any, path: Path, permits: _Permits) -> None:
    """TorchScript can reach nothing of Python, but a few of its operators reach files."""
    touching = re.compile(rb"\b(save|from_file|load_tensor|read_file|write_file)\b")
    for name in archive.get_all_records():
        found = touching.search(archive.get_record(name)) if name.lower().endswith(".py") else None
        if found and not permits.pickle:
            raise _Refused(f"{path} calls {found[0].decode()!r}, which may read or write files. "
                           "If you trust it, add --allow-pickle.")


_EXPORTED_PART = re.compile(
    r"\.data/(version|serialization_id)|byteorder|archive_(format|version)|extra/.*|"
    r"data/(weights|constants)/((weight|tensor)_\d+|\w+_config\.json)|models/\w+\.json|"
    r"data/sample_inputs/\w+\.pt")
_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims|quantized|quantized_decomposed|torchvision)\.(?!from_file)\w+\.\w+")
_FUNCTION = re.compile(
    r"_operator\.(add|sub|mul|truediv|floordiv|mod|neg|pos|pow|abs|and_|or_|not_|getitem|"
    r"eq|ne|lt|le|gt|ge)|math\.(ceil|floor|trunc)|torch\.sym_(max|min|float|int|not|ite)|"
    r"torch\.ops\.higher_order\.(wrap_with_set_grad_enabled|wrap_with_autocast|cond)")
_ARITHMETIC = re.compile(r"""(
    Symbol | Integer | Float | Rational | Add | Mul | Pow | Min | Max | Mod | PythonMod | FloorDiv |
    CleanDiv | CeilDiv | ModularIndexing | IntTrueDiv | FloatTrueDiv | ToFloat | TruncToInt |
    Eq | Ne | Lt | Le | Gt | Ge | Equality | Unequality | StrictLessThan | LessThan | And | Or |
    StrictGreaterThan | GreaterThan | Not | positive | integer | nonnegative | True | False |
    and | or | not | L | '\w*' | [su]\d+ | \d+(\.\d+)? | \.size\(\) | [\s()\[\],=+*/%<>!-] )*""", re.X)
_NAME = re.compile(r"[\w.:+-]*")
_CONTAINERS = (None, "builtins.tuple", "builtins.list", "builtins.dict")


def _check_exported(torch: Any, archive: Any, path: Path, permits: _Permits) -> None:
    """See that a program only computes: torch.export.load itself unpickles and evaluates text."""
    if permits.pickle:
        return
    names = archive.get_all_records()
    odd = [name for name in names if not _EXPORTED_PART.fullmatch(name)]
    # torch.export.load falls back to an older format, with pickles, where there is a "version".
    if odd or "version" in zipfile.ZipFile(path).namelist():
        raise _unsafe(path, odd[0] if odd else "version")
    for name in names:
        if name.endswith(".json"):
            _check_part(torch, json.loads(archive.get_record(name)), "", path)
        elif name.endswith(".pt") and (record := archive.get_record(name)):
            try:
                torch.load(io.BytesIO(record), weights_only=True)
            except Exception as error:
                raise _unsafe(path, f"a pickle in {name}") from error


def _unsafe(path: Path, what: str) -> _Refused:
    return _Refused(f"{path} holds more than an exported program of plain operators, and might run "
                    f"code of whoever wrote it: {what}. If you trust it, add --allow-pickle.")


def _check_part(torch: Any, part: Any, key: str, path: Path) -> None:
    if isinstance(part, dict):
        for name, value in part.items():
            if name != "metadata":  # where each line came from; nothing of it is evaluated
                _check_part(torch, str(name), "name", path)
                _check_part(torch, value, name, path)
    elif isinstance(part, list):
        for item in part:
            _check_part(torch, item, key, path)
    elif (isinstance(part, str) and not _is_plain(torch, part, key)) \
            or (key == "use_pickle" and part is not False):
        raise _unsafe(path, f"{key} {part!r}"[:200])


def _is_plain(torch: Any, text: str, key: str) -> bool:
    """Say whether a text can be no more than what torch means it to be."""
    if key in ("as_string", "as_strings"):
        return True
    if key in ("expr_str", "guards_code"):
        return _ARITHMETIC.fullmatch(text) is not None
    if key in ("in_spec", "out_spec"):
        return _is_plain_spec(json.loads(text))
    if key in ("target", "as_operator"):
        return _FUNCTION.fullmatch(text) is not None or (
            _OPERATOR.fullmatch(text) is not None
            and isinstance(operator.attrgetter(text[6:])(torch), torch._ops.OpOverload))
    if key == "path_name":
        return re.fullmatch(r"(weight|tensor)_\d+", text) is not None
    return _NAME.fullmatch(text) is not None and "__" not in re.sub(r"\w__\w", "", text)


def _is_plain_spec(spec: Any) -> bool:
    """Containers whose reading imports something (named tuples, enumerations) are not plain."""
    if isinstance(spec, list):
        return all(map(_is_plain_spec, spec))
    if not isinstance(spec, dict):
        return isinstance(spec, int)
    return spec["type"] in _CONTAINERS and "{" not in (spec["context"] or "") \
        and _is_plain_spec(spec["children_spec"])


def _load_keras(keras: Any, path: Path, permits: _Permits) -> Any:
    if not zipfile.is_zipfile(path):
        raise _Refused(f"{path} cannot be read as a Keras model: it is not a zip archive.")
    try:
        return keras.saving.load_model(path, safe_mode=True, compile=False)
    except ValueError as error:
        if "safe_mode" not in str(error):
            raise
        raise _Refused(f"{path} holds code, as Lambda layers do, which Keras in safe mode does not "
                       "run. Put a layer of its own in the Lambda's place, or load the model in "
                       "Python and hand it to xaikit there.") from error


def _load_xgboost(xgboost: Any, path: Path, permits: _Permits) -> Any:
    content = path.read_bytes()
    if b'learner' not in content:
        raise _Refused(f"{path} holds no XGBoost model; those of Booster.save_model are read.")
    # XGBoost 3.2 reads past the end of a broken UBJSON file: a crash, not an exception.
    if content[1:2] == b"L" and _end_of_ubjson(content, 0) != len(content):
        raise ValueError("it has no proper end")
    booster = xgboost.Booster()
    booster.load_model(bytearray(content))
    return booster


_UBJSON_SIZES = {ord(k): n for k, n in zip("iUCIlLdDTFZN", (1, 1, 1, 2, 4, 8, 4, 8, 0, 0, 0, 0),
                                          strict=True)}


def _end_of_ubjson(content: bytes, at: int) -> int:
    """Give the position after the value at `at`; raises where there is none."""
    kind, at = content[at:at + 1], at + 1
    if kind == b"S":
        n, at = _ubjson_count(content, at)
        return at + n
    if kind == b"{":
        while content[at] != ord("}"):
            n, at = _ubjson_count(content, at)
            at = _end_of_ubjson(content, at + n)
        return at + 1
    return _end_of_ubjson_array(content, at) if kind == b"[" else at + _UBJSON_SIZES[kind[0]]


def _end_of_ubjson_array(content: bytes, at: int) -> int:
    size = None
    if content[at] == ord("$"):
        size, at = _UBJSON_SIZES[content[at + 1]], at + 2
    if content[at] != ord("#"):
        while content[at] != ord("]"):
            at = _end_of_ubjson(content, at)
        return at + 1
    n, at = _ubjson_count(content, at + 1)
    if size is not None:
        return at + n * size
    for _ in range(n):
        at = _end_of_ubjson(content, at)
    return at


def _ubjson_count(content: bytes, at: int) -> tuple[int, int]:
    end = at + 1 + _UBJSON_SIZES[content[at]]
    n = int.from_bytes(content[at + 1:end], "big", signed=True)
    if not 0 <= n <= len(content):
        raise ValueError("a length is wrong")
    return n, end


def _load_lightgbm(lightgbm: Any, path: Path, permits: _Permits) -> Any:
    text = path.read_text(encoding="utf-8")  # line ends of Windows, too, become those of Unix
    if not text.startswith("tree\n"):
        raise _Refused(f"{path} holds no LightGBM model; those of Booster.save_model are read.")
    if "\nend of trees\n" not in text:
        raise ValueError("it ends before the last tree does")
    # With the sizes, LightGBM 4.7 parses trees in threads, and a broken one ends the process.
    return lightgbm.Booster(model_str=re.sub(r"(?m)^tree_sizes=.*\n", "", text, count=1))


def _load_catboost(catboost: Any, path: Path, permits: _Permits) -> Any:
    plain = catboost.CatBoost().load_model(str(path))
    estimator = catboost.CatBoostClassifier if len(plain.classes_) else catboost.CatBoostRegressor
    return estimator().load_model(str(path))


def _load_pickle(joblib: Any, path: Path, permits: _Permits) -> Any:
    if not permits.pickle:
        raise _Refused(f"{path} is a pickle, and loading one runs code of whoever wrote it. If "
                       "you trust it, add --allow-pickle; .skops is the safe format.")
    warnings.warn(f"{path} is a pickle: loading it runs whatever code it holds.", stacklevel=4)
    return joblib.load(path)


_TORCH = _Reader("torch program", "torch", _load_torch)
_XGBOOST = _Reader("XGBoost model", "xgboost", _load_xgboost)
_PICKLE = _Reader("pickle", "joblib", _load_pickle)

READERS = {
    ".onnx": _Reader("ONNX model", "onnxruntime", _load_onnx),
    ".skops": _Reader("skops file", "skops.io", _load_skops, "'xaikit[io]'"),
    **dict.fromkeys((".pt2", ".pt", ".pth", ".ts", ".torchscript"), _TORCH),
    ".keras": _Reader("Keras model", "keras", _load_keras),
    ".ubj": _XGBOOST,
    ".json": _XGBOOST,
    ".txt": _Reader("LightGBM model", "lightgbm", _load_lightgbm),
    ".cbm": _Reader("CatBoost model", "catboost", _load_catboost),
    **dict.fromkeys((".joblib", ".pkl", ".pickle"), _PICKLE),
}
"""What reads files of each ending, safest first."""
