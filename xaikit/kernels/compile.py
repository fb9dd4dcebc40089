"""The one decorator that owns every compiler flag, and a cache on disk that stops no work."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile `function` on its first call and cache the machine code on disk.

    ``nogil`` lets threads run it in parallel; NumPy's error model drops the check for division by
    zero; ``fastmath`` is off because it reorders sums, which would change the bytes of results.
    """
    compiled: Any = numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    if hasattr(compiled, "_cache"):  # not if compiling is switched off
        compiled._cache = Forgiving(compiled._cache)
    return compiled


class Forgiving:
    """A cache whose files may be damaged, or its disk full: then the function is compiled anew.

    Numba raises whatever unpickling raises, in every process that finds the damaged file.

    Parameters
    ----------
    cache : numba's cache of one function
    """

    warned = False
    """Whether a process was told; once is enough."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function, None if it is not there or cannot be read."""
        try:
            return self._cache.load_overload(sig, target_context)
        except Exception as error:
            self._warn("read", error)
            self._drop()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write a compiled function, if that is possible."""
        try:
            self._cache.save_overload(sig, data)
        except Exception as error:
            self._warn("written", error)

    def __getattr__(self, name: str) -> Any:
        if name == "_cache":  # while a copy is unpickled
            raise AttributeError(name)
        return getattr(self._cache, name)

    def _drop(self) -> None:
        """Empty the index: what is compiled now is written in place of the damaged files."""
        try:
            self._cache.flush()
        except Exception as error:
            self._warn("emptied", error)

    def _warn(self, done: str, error: Exception) -> None:
        if not Forgiving.warned:
            Forgiving.warned = True
            warnings.warn(
                f"compiled code in {self._cache.cache_path} could not be {done} "
                f"({type(error).__name__}: {error}), so it is compiled anew; the first call takes "
                "some seconds longer.", RuntimeWarning, stacklevel=2)
