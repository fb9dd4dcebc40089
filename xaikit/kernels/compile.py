"""The one decorator that owns every compiler flag, and a cache on disk that stops no work."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile `function` on its first call and cache the machine code on disk.

    ``nogil`` lets threads run it in parallel; NumPy's error model drops the check for division by
    zero; ``fastmath`` is off because it reorders sums, which would change the bytes of results.
    """
    compile_it: Any = partial(numba.njit, nogil=True, error_model="numpy")
    try:
        compiled: Any = compile_it(cache=True)(function)
    except RuntimeError as error:  # there is no folder that may be written
        warn_once(f"compiled code cannot be kept ({error}), so every process compiles anew, which "
                  "takes some seconds; set NUMBA_CACHE_DIR to a folder that may be written.")
        uncached: F = compile_it()(function)
        return uncached
    if hasattr(compiled, "_cache"):  # not if compiling is switched off
        compiled._cache = Forgiving(compiled._cache)
    return compiled


def warn_once(words: str) -> None:
    """Warn that the cache does not work, once in a process."""
    if not Forgiving.warned:
        Forgiving.warned = True
        warnings.warn(words, RuntimeWarning, stacklevel=3)


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
        warn_once(f"compiled code in {self._cache.cache_path} could not be {done} "
                  f"({type(error).__name__}: {error}), so it is compiled anew; the first call "
                  "takes some seconds longer.")
