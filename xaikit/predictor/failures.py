"""What an exception of a model means: that memory ran out, or a sentence for the user."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from xaikit.tables.dtypes import is_object_dtype, kind_of_column

_NO_MEMORY = re.compile(
    "out of memory|(can't|unable to|failed to|could not) allocate|not enough memory|bad_alloc|"
    "alloc_failed|resource exhausted", re.IGNORECASE)


def ran_out_of_memory(error: BaseException | None) -> bool:
    """Return whether an exception of any framework means that memory ran out.

    Examples
    --------
    >>> ran_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    True
    >>> ran_out_of_memory(ValueError("wrong shape"))
    False
    """
    while error is not None:
        if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__ \
                or _NO_MEMORY.search(str(error)):
            return True
        error = error.__cause__
    return False


def words_for(error: BaseException, batch: Any = None) -> str:
    """Return the text of an exception, after its type if the text alone says little.

    With the batch on which a model failed, what else may be wrong with it follows.

    Examples
    --------
    >>> words_for(ValueError("wrong shape"))
    'wrong shape'
    >>> words_for(KeyError("age"))
    "KeyError: 'age'"
    """
    clear = isinstance(error, ValueError | TypeError | RuntimeError) and str(error)
    words = str(error) if clear else f"{type(error).__name__}: {error}".removesuffix(": ")
    hint = hint_for(batch)
    return f"{words.rstrip('.')}. {hint}" if hint else words


def hint_for(batch: Any) -> str:
    """Return what else may be wrong with a batch on which a model failed; nothing if unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> from decimal import Decimal
    >>> hint_for(pd.DataFrame({"fee": [Decimal("1.10")]}))
    "Column 'fee' holds Decimal objects: if the model takes none, pass X.astype({'fee': float})."
    """
    for name, column in batch.items() if isinstance(batch, pd.DataFrame) else ():
        if is_object_dtype(column.dtype) and kind_of_column(column) in ("integer", "float"):
            kind = type(column[column.notna()].iloc[0]).__name__
            return (f"Column {name!r} holds {kind} objects: if the model takes none, pass "
                    f"X.astype({{{name!r}: float}}).")
    return ""
