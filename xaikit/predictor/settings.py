"""What a user says about a model and about how it is asked."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from xaikit.settings import Constraint, Either, Flag, OneOf, check

OWN_SETTINGS: dict[str, Constraint] = {
    "task": OneOf("classification", "regression", None),
    "channels": OneOf("first", "last", None),
    "thread_safe": Either(Flag(), None),
    "deduplicate": Flag(),
}


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
        check(vars(self), OWN_SETTINGS)

    def changed(self, **given: Any) -> Settings:
        """Return a copy that takes over the values in `given` that are not `wrap`'s defaults."""
        defaults = {f.name: f.default for f in fields(self)}
        return replace(self, **{k: v for k, v in given.items() if v is not defaults[k]})
