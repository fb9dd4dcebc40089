"""Containers of other libraries: taken in as frames and arrays, and given back to the model.

Inside, everything is a pandas frame, a NumPy array or a list of documents (`tables`). A container
of another library is one class here with the members of `Container`. The library is looked up in
`sys.modules` and never imported: without the import there can be no table of that library.
"""

from __future__ import annotations

import sys
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd

_LONG = ("Int128", "UInt128")
"""Whole numbers of polars that are Python's inside."""
MOST_DENSE = 2**30
"""Most bytes that a sparse table may take once its zeros are written out: 1 GiB."""


class Container(Protocol):
    """What a class for the tables of one library provides."""

    name: ClassVar[str]

    @classmethod
    def owns(cls, X: Any) -> bool:
        """Return whether `X` is of this kind."""

    @classmethod
    def of(cls, X: Any) -> Self:
        """Build an instance that remembers what `give` needs to know of `X`."""

    @classmethod
    def take(cls, X: Any) -> Any:
        """Return `X` as a frame or an array, without loss."""

    def give(self, table: Any) -> Any:
        """Undo `take` for a table with the same columns."""


class Polars:
    """A polars DataFrame; inside, its columns are Arrow's, so that null and NaN stay apart."""

    name = "polars"

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    @classmethod
    def owns(cls, X: Any) -> bool:
        """Return whether `X` is a polars DataFrame (a LazyFrame is refused with a sentence)."""
        pl = sys.modules.get("polars")
        if pl is None:
            return False
        if isinstance(X, pl.LazyFrame):
            raise TypeError("expected a table that is in memory, got a polars LazyFrame; "
                            "call collect() on it first.")
        return isinstance(X, pl.DataFrame)

    @classmethod
    def of(cls, X: Any) -> Self:
        """Remember the dtypes."""
        return cls(dict(X.schema))

    @classmethod
    def take(cls, X: Any) -> pd.DataFrame:
        """Share the columns' Arrow memory with pandas."""
        try:
            import pyarrow as pa
        except ImportError as error:
            raise ImportError("polars tables need pyarrow: pip install 'xaikit[polars]'.") \
                from error
        pl = sys.modules["polars"]
        nested = [n for n, d in X.schema.items() if d.is_nested() or d == pl.Object]
        if nested:
            raise TypeError(f"columns of lists, structs or objects cannot be explained: "
                            f"{', '.join(nested)}. Unnest them into columns of their own.")
        columns = {c: _inside(series, pl, pa) for c, series in enumerate(X.get_columns())}
        frame = pd.DataFrame(columns, index=pd.RangeIndex(len(X)), copy=False)
        frame.columns = pd.Index(X.columns)
        return frame

    def give(self, table: pd.DataFrame) -> Any:
        """Return a polars DataFrame of the same dtypes.

        A column that had to be widened (a fraction among whole numbers, noon among days) keeps
        the wider dtype.
        """
        pl = sys.modules["polars"]
        return pl.DataFrame([_outside(table[name], self.schema[name], pl).alias(name)
                             for name in table.columns])


def _inside(series: Any, pl: Any, pa: Any) -> pd.Series:
    """Return a polars column in a dtype that explainers can move, rank and save."""
    dtype = series.dtype
    if isinstance(dtype, pl.Enum):
        levels = pd.CategoricalDtype(dtype.categories.to_list(), ordered=True)
        return pd.Series(series.to_list(), dtype=object).astype(levels)
    if dtype == pl.Date:
        return pd.Series(series.cast(pl.Datetime("ms")).to_numpy()).astype("M8[s]")
    if isinstance(dtype, pl.Datetime | pl.Duration):
        return pd.Series(series.to_arrow().to_pandas())
    if str(dtype) in _LONG:  # Arrow has none
        return pd.Series(series.to_list(), dtype=object)
    if dtype == pl.Categorical:
        series = series.cast(pl.String)
    cells = pa.chunked_array([series.to_arrow()])
    return pd.Series(pd.arrays.ArrowExtensionArray(cells), copy=False)


def _outside(cells: pd.Series, dtype: Any, pl: Any) -> Any:
    """Undo `_inside`; numbers and times that had to be widened stay wide."""
    import pyarrow as pa

    if str(dtype) in _LONG:
        whole = all(isinstance(v, int) for v in cells if v is not None)
        return pl.Series(cells.tolist(), dtype=dtype if whole else pl.Float64, strict=whole)
    if isinstance(cells.dtype, pd.ArrowDtype):
        series = pl.from_arrow(cells.array.__arrow_array__())
    else:
        series = pl.from_arrow(pa.array(cells, from_pandas=True))
    measured = dtype.is_numeric() or dtype.is_temporal()
    return series if measured and not _holds(dtype, series) else series.cast(dtype)


def _holds(dtype: Any, series: Any) -> bool:
    """Return whether a dtype of numbers or times holds those of a series."""
    cast = series.cast(dtype, strict=False)
    return bool(series.eq_missing(cast.cast(series.dtype, strict=False)).all())


class Subclass:
    """A frame of a subclass of pandas' DataFrame, or with `attrs`; inside, it is a plain one."""

    name = "frame"

    def __init__(self, empty: pd.DataFrame) -> None:
        self.empty = empty

    @classmethod
    def owns(cls, X: Any) -> bool:
        """Return whether `X` is a frame with more to it than its cells."""
        return isinstance(X, pd.DataFrame) and (type(X) is not pd.DataFrame or bool(X.attrs))

    @classmethod
    def of(cls, X: Any) -> Self:
        """Keep the frame without its rows."""
        return cls(X.iloc[:0].copy())

    @classmethod
    def take(cls, X: Any) -> pd.DataFrame:
        """Share the columns with a plain frame."""
        plain = pd.DataFrame(X)
        plain.attrs = {}
        return plain

    def give(self, table: pd.DataFrame) -> Any:
        """Return a frame of the same class, `attrs` and metadata."""
        return type(self.empty)(table).__finalize__(self.empty)


class Sparse:
    """A SciPy sparse matrix or array; inside, it is dense."""

    name = "sparse"

    def __init__(self, kind: type, layout: str) -> None:
        self.kind, self.layout = kind, layout

    @classmethod
    def owns(cls, X: Any) -> bool:
        """Return whether `X` is one of SciPy's."""
        scipy = sys.modules.get("scipy.sparse")
        return scipy is not None and scipy.issparse(X)

    @classmethod
    def of(cls, X: Any) -> Self:
        """Remember the class, and with it the layout."""
        return cls(type(X), X.format)

    @classmethod
    def take(cls, X: Any) -> np.ndarray:
        """Return a dense array, if it fits."""
        size = X.dtype.itemsize * int(np.prod(X.shape))
        if size > MOST_DENSE:
            raise ValueError(f"a sparse table of shape {X.shape} would take {size / 2**30:.1f} GiB "
                             "with its zeros written out; hand over fewer rows at a time.")
        return X.toarray()

    def give(self, table: np.ndarray) -> Any:
        """Return the same kind of matrix."""
        return self.kind(table)


class Tensor:
    """A torch tensor; inside, it is an array."""

    name = "tensor"

    def __init__(self, dtype: Any, device: Any) -> None:
        self.dtype, self.device = dtype, device

    @classmethod
    def owns(cls, X: Any) -> bool:
        """Return whether `X` is a tensor."""
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(X, torch.Tensor)

    @classmethod
    def of(cls, X: Any) -> Self:
        """Remember dtype and device."""
        return cls(X.dtype, X.device)

    @classmethod
    def take(cls, X: Any) -> np.ndarray:
        """Return an array on the CPU; bfloat16, which NumPy lacks, becomes float32."""
        torch = sys.modules["torch"]
        X = X.detach().cpu()
        return (X.float() if X.dtype == torch.bfloat16 else X).numpy()

    def give(self, table: np.ndarray) -> Any:
        """Return a tensor of the same dtype on the same device.

        An array that had to be widened (a fraction among whole numbers) keeps the wider dtype.
        """
        torch = sys.modules["torch"]
        tensor = torch.as_tensor(table)
        widened = tensor.is_floating_point() and not self.dtype.is_floating_point
        return tensor.to(self.device, None if widened else self.dtype)


CONTAINERS: tuple[Any, ...] = (Polars, Subclass, Sparse, Tensor)
NAMES = tuple(kind.name for kind in CONTAINERS)


def container_of(X: Any) -> Container | None:
    """Return what remembers the container of `X`; None for pandas, NumPy and lists."""
    for kind in CONTAINERS:
        if kind.owns(X):
            return kind.of(X)
    return None


def taken_in(X: Any) -> Any:
    """Return a container of another library as a frame or an array, and anything else as it is."""
    for kind in CONTAINERS:
        if kind.owns(X):
            return kind.take(X)
    return X
