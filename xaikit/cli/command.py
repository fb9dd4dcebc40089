"""From arguments to an exit status: errors are sentences, and signals end the work cleanly."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from typing import Any, TextIO

from xaikit.cli.parser import parser
from xaikit.cli.status import DONE, FINDINGS, INTERRUPTED, TERMINATED, UNREAD, USAGE
from xaikit.cli.streams import Terminated, data_stream, deaf, give_up_stdout, terminable

_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], " ")
"""Line ends and codes of terminals, which the text of a model's error may hold."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the program's name; those of the process by default.
    """
    try:
        with terminable():
            return _main(argv)
    except KeyboardInterrupt:
        return _stopped("interrupted", INTERRUPTED)
    except Terminated:
        return _stopped("terminated", TERMINATED)
    except BrokenPipeError:  # as after `| head`
        give_up_stdout()
        return UNREAD


def program() -> None:
    """Run the command line of the process, and end it with the exit status."""
    status = main()
    deaf()
    sys.exit(status)


def _main(argv: Sequence[str] | None) -> int:
    try:
        arguments = parser().parse_args(argv)
    except SystemExit:
        if sys.stdout is not None:
            sys.stdout.flush()  # of --help, which may have no reader either
        raise
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            with data_stream() as out:
                return _run(arguments, out)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            return _said(f"cannot write to stdout: {error.strerror or error}", USAGE)


def _run(arguments: argparse.Namespace, out: TextIO) -> int:
    from sklearn.exceptions import NotFittedError

    from xaikit.errors import ModelError, ProbeError, XaikitError

    try:
        return int(arguments.run(arguments, out) or DONE)
    except BrokenPipeError:
        raise
    except XaikitError as error:
        if hasattr(arguments, "output_name") and str(error).startswith("output=None"):
            # In the command, --output is the page.
            error = type(error)(str(error).replace("output=None", "--class").replace(
                "output=", "--class "))
        return _said(error, FINDINGS if isinstance(error, ModelError | ProbeError) else USAGE)
    except (ValueError, TypeError, KeyError, OSError, ImportError, NotFittedError) as error:
        return _said(error.args[0] if isinstance(error, KeyError) else error, USAGE)
    except MemoryError as error:
        return _said(f"memory ran out ({str(error).rstrip('.') or 'MemoryError'}); ask for less by "
                     "--budget or --limit.", USAGE)
    except SystemExit as error:
        return _said(f"the model, or what it uses, called sys.exit({error.code!r}).", FINDINGS)


def _said(text: Any, status: int) -> int:
    print(f"xaikit: {str(text).translate(_CONTROLS)}", file=sys.stderr)
    return status


def _stopped(how: str, status: int) -> int:
    return _said(f"{how}; what was not written yet is lost, and no file is half-written.", status)


def _show_warning(message: Any, *_: Any, **__: Any) -> None:
    print(f"xaikit: warning: {str(message).translate(_CONTROLS)}", file=sys.stderr)
