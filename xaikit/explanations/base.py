"""What all explanations share: provenance, cost, files and display."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from xaikit.errors import FormatError
from xaikit.explanations.decoding import checksum, decode, read_json
from xaikit.explanations.encoding import encode_field
from xaikit.explanations.room import check_room
from xaikit.settings import Either
from xaikit.tables.files import write_all, write_whole
from xaikit.tables.wording import cut, listed, plural

_FORMAT = 3
LAYOUT = Either("long", "wide")
"""Layouts of `to_frame`."""

HOME_OF = {
    "Attribution": "xaikit.explanations.attribution",
    "ImageRules": "xaikit.explanations.rules_of_units",
    "TextRules": "xaikit.explanations.rules_of_units",
    "ImageAttribution": "xaikit.explanations.image",
    "Importance": "xaikit.explanations.importance",
    "RuleSet": "xaikit.explanations.rules",
    "TextAttribution": "xaikit.explanations.text",
}
"""Module of every class of results, which `Explanation.from_dict` imports when a file needs it.

A registry filled by the classes themselves would know only those that were already imported.
"""


@dataclass(frozen=True)
class Cost:
    """The cost of an explanation in model rows, calls and seconds.

    Attributes
    ----------
    model_rows : int
        Rows sent to the model, which is what a user pays for.
    questions : int
        Rows that the method needed answers for, before equal rows were merged.
    calls : int
        Calls of the model.
    model_seconds, seconds : float
        Time inside the model, and in total. With ``n_jobs`` above 1, the model's seconds are summed
        over workers and may exceed ``seconds``.
    """

    model_rows: int = 0
    questions: int = 0
    calls: int = 0
    model_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def overhead_seconds(self) -> float:
        """Seconds spent outside the model (never below 0)."""
        return max(0.0, self.seconds - self.model_seconds)

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(a + b for a, b in zip(dataclasses.astuple(self), dataclasses.astuple(other),
                                            strict=True)))

    def __str__(self) -> str:
        return (f"{self.model_rows:,} model rows in {self.calls:,} calls, "
                f"{self.model_seconds:.3g} s in the model, {self.seconds:.3g} s in all")


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Explanation:
    """Base class of all results. Fields are read-only arrays and plain values.

    Attributes
    ----------
    method : str
        Name of the explainer.
    settings : dict
        Its settings, as numbers, text and lists.
    random_state : int or None
        The seed that reproduces the result: the one given, or else the one drawn.
    cost : Cost
        Model rows, calls and seconds.
    warnings : tuple of str
        Sentences that a reader of the numbers should know. A slice keeps them all.
    noun : str
        What one feature is called: "feature", the "unit" of a text, or the "region" of an image.
    """

    method: str
    feature_names: tuple[str, ...]
    output_names: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    random_state: int | None = None
    cost: Cost = field(default_factory=Cost)
    warnings: tuple[str, ...] = ()
    noun: str = "feature"

    def __post_init__(self) -> None:
        self._freeze_names()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()  # NumPy unpickles read-only arrays as writeable ones

    def _freeze(self, name: str, shape: tuple[int, ...], *, dtype: Any = np.float64) -> None:
        """Store field `name` as a read-only array; raise ValueError if its shape differs."""
        array = frozen(getattr(self, name), dtype)
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, expected {shape}.")
        object.__setattr__(self, name, array)

    def _freeze_names(self) -> None:
        for name in ("feature_names", "output_names", "warnings"):
            object.__setattr__(self, name, tuple(str(v) for v in getattr(self, name)))

    def _freeze_details(self, name: str, lead: tuple[int, ...]) -> None:
        details = {key: frozen(value) for key, value in getattr(self, name).items()}
        for key, array in details.items():
            if array.shape[: len(lead)] != lead:
                raise ValueError(f"{name}[{key!r}] has shape {array.shape}, "
                                 f"expected it to begin with {lead}.")
        object.__setattr__(self, name, details)

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers as a frame: one row per number, with its uncertainty."""
        raise TypeError(f"{type(self).__name__} has no frame.")

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as JSON types; `from_dict` builds an equal explanation from them."""
        written = {name: encode_field(name, value) for name, value in self._fields().items()}
        try:
            check_room(written)
        except ValueError as error:
            raise TypeError(f"{error}.") from error
        return {"type": type(self).__name__, "format": _FORMAT, "sha256": checksum(written),
                "fields": written}

    def _fields(self) -> dict[str, Any]:
        """Return all fields, of types that `encode_field` knows."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {**fields, "cost": dataclasses.asdict(self.cost)}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Self:
        """Build an explanation from what `to_dict` returned."""
        if state.get("type") == "Report":
            raise FormatError("this is the record of a report. Pass one of its ['explanations'] to "
                              f"xaikit.Importance.from_dict{_explanations_in(state)}.")
        kind = cls._type_named(state.get("type"))
        if kind is None or state.get("format") != _FORMAT:
            raise FormatError(
                f"expected an explanation of format {_FORMAT} and one of the types "
                f"{sorted(HOME_OF)}, got type {cut(repr(state.get('type')))}, "
                f"format {cut(repr(state.get('format')))}."
            )
        if not issubclass(kind, cls):
            raise ValueError(f"expected {cls.__name__}, got {kind.__name__}; "
                             "xk.load_explanation reads either.")
        try:
            if checksum(state["fields"]) != state["sha256"]:
                raise ValueError("it was changed since it was saved (its checksum differs)")
            check_room(state["fields"])
            fields = decode(state["fields"])
            fields["cost"] = Cost(**fields["cost"])
            return kind(**fields)
        except (LookupError, MemoryError, OSError, TypeError, ValueError, AttributeError,
                ArithmeticError, NotImplementedError, RecursionError) as error:
            raise FormatError(f"the {kind.__name__} is damaged: {type(error).__name__}: "
                              f"{cut(error, 200)}. Save it again.") from error

    @classmethod
    def _type_named(cls, name: Any) -> Any:
        """Return the class of that name: one of `HOME_OF`, or this class; None for other names."""
        if isinstance(name, str) and name in HOME_OF:
            return getattr(import_module(HOME_OF[name]), name)
        return cls if name == cls.__name__ and cls is not Explanation else None

    def to_json(self) -> str:
        """Return the explanation as strict JSON text (exact round trip, no pickle)."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Build an explanation from the text that `to_json` returned."""
        try:
            state = read_json(text)
        except ValueError as error:
            raise FormatError(f"this is not JSON of an explanation: {error}.") from error
        if not isinstance(state, dict):
            raise FormatError(f"this holds a JSON {type(state).__name__}, not an explanation.")
        return cls.from_dict(state)

    def save(self, path: str | Path) -> Path:
        """Write to `path` as ``.json`` (exact), ``.csv`` or ``.parquet``, or ``.html``.

        The file is written whole or not at all. ``.csv`` holds `to_frame`; ``.parquet`` too, but of
        an Attribution a line for each row and output, with base value, prediction, and the value,
        error and data of every feature, in their own dtypes. What Parquet has no type for, such as
        row labels that are tuples, is written as text there, and so are cells of several types.
        Only ``.json`` can be loaded again.

        Raises
        ------
        TypeError
            If JSON cannot hold a value exactly, such as a cell that is a member of an Enum; the
            sentence names the field and column. Nothing is written.
        OSError
            If the file cannot be written; the sentence names it.
        ValueError
            For any other ending.

        Warns
        -----
        UserWarning
            If a row label, a setting or the name of a column is of a type derived from a plain one,
            such as a member of an Enum or a named tuple: ``.json`` holds it as the plain type.
        """
        path = Path(path)
        write_whole(path, self._content(path))
        return path

    def _content(self, path: Path) -> str | bytes:
        """Return what a file of this ending holds."""
        writers: dict[str, Callable[[], str | bytes]] = {
            ".json": self.to_json,
            ".csv": lambda: self.to_frame().to_csv(index=False),
            ".parquet": self._parquet,
            ".html": self._page,
        }
        if path.suffix not in writers:
            raise ValueError(f"cannot save as {path.suffix or 'a file without ending'!r}; "
                             f"use one of {', '.join(writers)}.")
        return writers[path.suffix]()

    def _parquet(self) -> bytes:
        return bytes(with_text_labels(self.to_frame()).to_parquet(index=False))

    def _page(self) -> str:
        return (f"<!doctype html><html lang='en'><meta charset='utf-8'>"
                f"<title>{escape(self.method)}</title>{self._repr_html_()}</html>")

    def _summary(self) -> str:
        raise TypeError(f"{type(self).__name__} has no summary.")

    def __repr__(self) -> str:
        said = f"; {plural(len(self.warnings), 'warning')}" if self.warnings else ""
        return f"<{type(self).__name__} by {self.method}: {self._summary()}; {self.cost}{said}>"

    def __str__(self) -> str:
        return "\n".join([repr(self), *(f"warning: {w}" for w in self.warnings)])

    def _repr_html_(self) -> str:
        warnings = "".join(f"<li>{escape(w)}</li>" for w in self.warnings)
        table = self._html_table()
        return (f"<div class='xaikit'><p><strong>{escape(self.method)}</strong> — "
                f"{escape(self._summary())}<br><small>{escape(str(self.cost))}</small></p>"
                f"{table}{f'<ul>{warnings}</ul>' if warnings else ''}</div>")

    def _html_table(self) -> str:
        return self.to_frame().head(20).to_html(index=False, border=0, escape=True)


def _explanations_in(record: dict[str, Any]) -> str:
    """Return words on the names of the explanations that a report's record holds."""
    names = record.get("explanations")
    return f": {listed(names)}" if isinstance(names, dict) and names else ""


def frozen(value: Any, dtype: Any = None) -> np.ndarray:
    """Return a read-only array: `value` itself if it already is one, else a copy."""
    if isinstance(value, np.ma.MaskedArray):  # NumPy would keep what is under the mask
        raise ValueError("an explanation holds no masked arrays; fill the masked cells first, such "
                         "as by array.filled(np.nan).")
    if isinstance(value, np.ndarray) and not value.flags.writeable and value.base is None \
            and (dtype is None or value.dtype == dtype):
        return value
    array = np.array(value, dtype=dtype)
    array.flags.writeable = False
    return array


def left_out_words(counts: np.ndarray, noun: str = "feature") -> str:
    """Return how many features slicing left out, in words; nothing if there are none.

    Examples
    --------
    >>> left_out_words(np.array([4, 4])), left_out_words(np.array([0, 2]), "word")
    ('4 features left out', 'up to 2 words left out')
    """
    most = int(counts.max(initial=0))
    if most == 0:
        return ""
    upto = "up to " if counts.min() < most else ""
    return f"{upto}{plural(most, noun)} left out"


def with_text_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose row labels are text if they are tuples, of several types or too large.

    Examples
    --------
    >>> with_text_labels(pd.DataFrame({"row": [("a", 1), ("a", 2)]}))["row"].tolist()
    ["('a', 1)", "('a', 2)"]
    """
    if "row" not in frame or frame["row"].dtype != object:
        return frame
    kept = ("string", "bytes", "decimal", "date", "time", "boolean", "empty")
    if pd.api.types.infer_dtype(frame["row"], skipna=True) in kept:
        return frame
    return frame.assign(row=frame["row"].map(str))


def save_together(explanation: Explanation, paths: Iterable[Path]) -> list[Path]:
    """Write an explanation to several files, as `Explanation.save` does: to all or to none."""
    contents = {path: explanation._content(path) for path in paths}
    write_all(contents)
    return list(contents)


def load_explanation(path: str | Path) -> Explanation:
    """Return the explanation that was saved as ``.json``.

    Parameters
    ----------
    path : str or Path
        A JSON file.

    Raises
    ------
    FormatError
        If the file does not hold an explanation.
    """
    path = Path(path)
    if path.suffix in (".csv", ".parquet", ".html"):
        raise FormatError(f"{path} is for other programs, and holds no whole explanation: save it "
                          f"as {path.with_suffix('.json').name} too, and load that.")
    try:
        return Explanation.from_json(path.read_text(encoding="utf8"))
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: this is not JSON of an explanation: {error}. Only files saved "
                          "as .json can be loaded again.") from error
    except FormatError as error:
        raise FormatError(f"{path}: {error} Only files saved as .json can be loaded again."
                          ) from error
