"""Time zones as their names or offsets, and Python's times without and with them."""

from __future__ import annotations

from datetime import timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd


def zone_name(zone: tzinfo) -> str:
    """Return the name of a zone of pandas.

    Raises
    ------
    TypeError
        If pandas does not know the zone by its name.
    """
    try:
        pd.DatetimeTZDtype(tz=str(zone))
    except (KeyError, TypeError, ValueError) as error:
        raise TypeError(f"JSON cannot hold the time zone {zone!r} exactly; convert the times to a "
                        "zone that has a name.") from error
    return str(zone)


def clock_parts(value: Any) -> tuple[Any, ...]:
    """Return the text of a Python time or datetime without its zone, the zone, and the fold."""
    return value.replace(tzinfo=None, fold=0).isoformat(), _zone(value.tzinfo), value.fold


def with_zone(value: Any, zone: Any, fold: int) -> Any:
    """Return a time with the zone and the fold that `clock_parts` returned."""
    if isinstance(zone, int):
        zone = [zone]
    if isinstance(zone, list):
        zone = timezone(timedelta(microseconds=zone[0]), *zone[1:])
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
