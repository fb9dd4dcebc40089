"""What an exception of a model means: that memory ran out, or a sentence for the user."""

from __future__ import annotations

import re

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


def words_for(error: BaseException) -> str:
    """Return the text of an exception, after its type if the text alone says little.

    Examples
    --------
    >>> words_for(ValueError("wrong shape"))
    'wrong shape'
    >>> words_for(KeyError("age"))
    "KeyError: 'age'"
    """
    clear = isinstance(error, ValueError | TypeError | RuntimeError) and str(error)
    return str(error) if clear else f"{type(error).__name__}: {error}".removesuffix(": ")
