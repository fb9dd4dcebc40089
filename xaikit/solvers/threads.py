"""Linear algebra on one thread, since the number of threads changes the last bits of a product."""

from __future__ import annotations

import threading
from functools import cache
from types import TracebackType
from typing import Any


class _OneThread:
    """Limits BLAS to one thread while any thread of the process is inside.

    As a rule the setting is the process's: the first to enter keeps what it was, and the last to
    leave restores it. If each restored what it found, one could find the limit of another and leave
    it behind for good. OpenMP has a setting for each thread, which each restores.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: list[tuple[Any, int]] = []
        self._own = threading.local()

    def __enter__(self) -> None:
        with self._lock:
            now = [(library, library.num_threads) for library in _libraries()]
            if self._inside == 0:
                self._before = [(library, n) for library, n in now if not _by_thread(library)]
            self._inside += 1
            if not hasattr(self._own, "before"):
                self._own.before = []
            self._own.before.append([(library, n) for library, n in now if _by_thread(library)])
            for library, _ in now:
                _limit(library, 1)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        with self._lock:
            self._inside -= 1
            for library, n in self._own.before.pop() + self._before * (self._inside == 0):
                _limit(library, n)


_ONE_THREAD = _OneThread()


def one_thread() -> _OneThread:
    """Return a context manager that limits BLAS to one thread."""
    return _ONE_THREAD


@cache
def _libraries() -> list[Any]:
    import scipy.linalg  # noqa: F401  # its library counts too, which may not be loaded yet
    from threadpoolctl import ThreadpoolController

    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


def _by_thread(library: Any) -> bool:
    return getattr(library, "threading_layer", None) == "openmp"


def _limit(library: Any, n: int) -> None:
    # threadpoolctl lets one thread of the process set OpenBLAS, whoever came first, and ignores
    # all others: their products would be rounded otherwise.
    getattr(library, "_real_set_num_threads", library.set_num_threads)(n)
