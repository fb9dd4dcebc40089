"""Time zones as their names or offsets, and Python's times without and with them."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

_UNKNOWN = (KeyError, OSError, TypeError, ValueError)
"""What pandas raises for the name of a zone that is none; a folder of zones gives an OSError."""
_LOCAL = "tzlocal"
"""How the name of dateutil's zone begins that is the machine's own."""


def zone_of_pandas(zone: tzinfo) -> Any:
    """Return a zone of pandas as its name, or as its offset and the offset's name.

    Raises
    ------
    TypeError
        If pandas does not know the zone by its name, or takes another zone for it.
    """
    if type(zone) is timezone and zone is not UTC:  # its name may be that of another zone
        return _zone(zone)
    try:
        known = pd.DatetimeTZDtype(tz=str(zone)).tz
    except _UNKNOWN:
        known = None
    if str(known) != str(zone) or str(zone).startswith(_LOCAL):
        raise TypeError(f"JSON cannot hold the time zone {zone!r} exactly; convert the times to a "
                        "zone that has a name.")
    return str(zone)


def read_zone(zone: Any) -> Any:
    """Return the zone that `zone_of_pandas` or `clock_parts` returned; names are left to pandas."""
    if isinstance(zone, int):
        zone = [zone]
    if isinstance(zone, list):
        return timezone(timedelta(microseconds=zone[0]), *zone[1:])
    if isinstance(zone, str) and zone.startswith(_LOCAL):
        raise ValueError(f"the time zone {zone!r} is another one on every machine")
    return zone


def clock_parts(value: Any) -> tuple[Any, ...]:
    """Return the text of a Python time or datetime without its zone, the zone, and the fold."""
    return value.replace(tzinfo=None, fold=0).isoformat(), _zone(value.tzinfo), value.fold


def with_zone(value: Any, zone: Any, fold: int) -> Any:
    """Return a time with the zone and the fold that `clock_parts` returned."""
    zone = read_zone(zone)
    return value.replace(tzinfo=ZoneInfo(zone) if isinstance(zone, str) else zone, fold=fold)


def _zone(zone: tzinfo | None) -> Any:
    """Return a zone as its name, or as its offset from UTC in microseconds and the offset's name.

    An offset without a name of its own is a number.
    """
    if zone is None:
        return None
    if type(zone) is ZoneInfo and zone.key is not None:
        return zone.key
    if type(zone) is timezone:
        offset = zone.utcoffset(None)
        micros, name = offset // timedelta(microseconds=1), zone.tzname(None)
        return micros if timezone(offset).tzname(None) == name else [micros, name]
    raise TypeError(f"JSON cannot hold the time zone {zone!r} exactly; convert the times to "
                    "zoneinfo.ZoneInfo, or to pandas' times.")
