"""Streams and signals of the command, as Unix programs treat them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, TextIO


class Terminated(BaseException):
    """SIGTERM came; raised where the program is, so that everything is cleaned up."""


class Interrupted(KeyboardInterrupt):
    """SIGINT came. After its own KeyboardInterrupt Python may end by the signal itself."""


_CAME: list[type[BaseException]] = []
"""What signals have raised in this run of the command."""


@contextmanager
def terminable() -> Iterator[None]:
    """Raise Terminated when SIGTERM comes, and Interrupted when SIGINT does."""
    if threading.current_thread() is not threading.main_thread():  # which alone may set handlers
        yield
        return
    _CAME.clear()
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, _raiser(Terminated))}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it may be ignored
        before[signal.SIGINT] = signal.signal(signal.SIGINT, _raiser(Interrupted))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _raiser(kind: type[BaseException]) -> Callable[..., None]:
    def stop(*_: Any) -> None:
        _CAME.append(kind)
        raise kind

    return stop


def check_stopped() -> None:
    """Raise again what a signal raised, if a library that was being imported caught it."""
    if _CAME:
        raise _CAME[0]


def deaf() -> None:
    """Ignore both signals from now on: all is done and written, and the process is ending."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def data_stream() -> Iterator[TextIO]:
    """Yield stdout for data alone: what a model and its libraries print goes to stderr.

    Text is written as UTF-8. It is flushed at the end, so that a full disk is an error.

    Raises
    ------
    OSError
        If stdout is closed, or does not take what is written.
    """
    if sys.stderr is None:  # print would take stdout for it
        sys.stderr = open(os.devnull, "w", encoding="utf8")  # noqa: SIM115 - for the process
    if sys.stdout is None:
        raise OSError("it is closed; send it to a file or to /dev/null.")
    descriptor = _descriptor(sys.stdout)
    if descriptor is None:  # replaced by another object, as in notebooks
        out = sys.stdout
        with redirect_stdout(sys.stderr):
            yield out
        out.flush()
        return
    sys.stdout.flush()
    with _descriptor_on_stderr(descriptor) as kept:
        out = os.fdopen(kept, "w", encoding="utf8", errors="backslashreplace", newline="")
        try:
            yield out
            out.close()
        except BaseException:
            with suppress(OSError):  # what is left in its buffer has no reader
                out.close()
            raise


@contextmanager
def _descriptor_on_stderr(descriptor: int) -> Iterator[int]:
    """Send what is written to a descriptor to stderr, and yield another one of its file."""
    before = os.dup(descriptor)
    errors = _descriptor(sys.stderr)
    os.dup2(before if errors is None else errors, descriptor)
    try:
        yield os.dup(before)
    finally:
        with suppress(OSError, ValueError):  # the model may have closed it
            sys.stdout.flush()
        os.dup2(before, descriptor)
        os.close(before)


def give_up_stdout() -> None:
    """Send what Python still holds for stdout nowhere: at its exit it would complain."""
    descriptor = _descriptor(sys.stdout)
    if descriptor is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def _descriptor(stream: Any) -> int | None:
    """Return the descriptor of a stream; None if it has none."""
    try:
        return int(stream.fileno())
    except (AttributeError, OSError, ValueError):
        return None
