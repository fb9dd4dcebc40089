"""The errors that xaikit raises, in one tree.

Each is also the built-in error it specialises, so ``except ValueError`` and ``except RuntimeError``
catch them too. Plain bad input stays ``ValueError`` or ``TypeError``: these classes are for errors
that a program handles apart from a mistake in its own call.
"""

from __future__ import annotations


class XaikitError(Exception):
    """Base class of the errors below."""


class ModelError(XaikitError, RuntimeError):
    """The model raised an exception, or gave an answer that cannot be used."""


class ProbeError(XaikitError, ValueError):
    """The probe refuses the model: its answers do not belong to single rows."""


class SettingError(XaikitError, ValueError):
    """A setting is outside the values that it can take."""


class TrustError(XaikitError, ValueError):
    """Reading the file can run code, and nobody allowed that."""


class FormatError(XaikitError, ValueError):
    """The file is damaged, or of another format than its reader expects."""
