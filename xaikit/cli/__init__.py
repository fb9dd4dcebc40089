"""The command ``xaikit``: data on stdout, progress and messages on stderr.

Exit status: 0 done, 1 findings (the model failed, or the probe has warnings), 2 bad usage. As of
every Unix program it is 128 and the signal's number if it was stopped: 130 by an interrupt, 143 by
SIGTERM, 141 if nobody reads its output.
"""

from xaikit.cli.command import main, program

__all__ = ["main", "program"]
