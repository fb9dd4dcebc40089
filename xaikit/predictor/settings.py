"""What a user says about a model and about how it is asked."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from xaikit.errors import SettingError


@dataclass(frozen=True)
class Settings:
    """The settings of `wrap`, which describes each of them.

    Raises
    ------
    SettingError
        If one of them is outside the values that it can take.
    """

    output: str | None = None
    task: str | None = None
    batch_size: int | str = "auto"
    feature_names: Any = None
    outputs: Any = None
    output_names: Any = None
    inputs: Any = None
    channels: str | None = None
    retries: int = 0
    thread_safe: bool | None = None
    deduplicate: bool = False

    def __post_init__(self) -> None:
        if self.task not in (None, "classification", "regression"):
            raise SettingError(f"task must be 'classification' or 'regression', got {self.task!r}.")
        if self.batch_size != "auto" and not _is_whole(self.batch_size, 1):
            raise SettingError("batch_size must be a positive whole number or 'auto', "
                               f"got {self.batch_size!r}.")
        if self.channels not in (None, "first", "last"):
            raise SettingError(f"channels must be 'first' or 'last', got {self.channels!r}.")
        if not _is_whole(self.retries, 0):
            raise SettingError("retries must be a whole number of at least 0, "
                               f"got {self.retries!r}.")

    def changed(self, **given: Any) -> Settings:
        """Return a copy that takes over the values in `given` that are not `wrap`'s defaults."""
        defaults = {f.name: f.default for f in fields(self)}
        return replace(self, **{k: v for k, v in given.items() if v is not defaults[k]})


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) \
        and bool(value >= least)
