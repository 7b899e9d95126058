"""Durations as ``every:`` specifications write them (contract 2.3): ``30s``, ``1h30m``, ``2 weeks``, ``1.5h``."""

from __future__ import annotations

import re
from fractions import Fraction

SECOND = 1_000_000_000
"""Nanoseconds in a second."""

YEAR = 31_557_600 * SECOND
"""Nanoseconds in 365.25 days, the longest interval that the API accepts."""

_UNITS = {
    ("ns", "nsec", "nanos"): 1,
    ("us", "µs", "usec"): 1_000,
    ("ms", "msec", "millis"): 1_000_000,
    ("s", "sec", "secs", "second", "seconds"): SECOND,
    ("m", "min", "mins", "minute", "minutes"): 60 * SECOND,
    ("h", "hr", "hrs", "hour", "hours"): 3_600 * SECOND,
    ("d", "day", "days"): 86_400 * SECOND,
    ("w", "wk", "wks", "week", "weeks"): 604_800 * SECOND,
    ("M", "month", "months"): 2_630_016 * SECOND,
    ("y", "yr", "yrs", "year", "years"): YEAR,
}
_NANOSECONDS = {unit: size for units, size in _UNITS.items() for unit in units}
# 20 digits hold each number of 64 bits; the server refuses longer ones
_ITEM = re.compile(r"\s*(\d{1,20}(?:\.\d{1,20})?)\s*([a-zA-Zµ]+)\s*", re.ASCII)
_PRINTED = (
    ("d", 86_400 * SECOND),
    ("h", 3_600 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
    ("ms", 1_000_000),
    ("ns", 1),
)


def parse_duration(text: str) -> int | None:
    """A duration in nanoseconds; None if ``text`` is not a duration.

    The text is one or more ``NUMBER UNIT`` items, which are added. ``0`` needs no unit. A sign is not allowed. Months
    have 30.44 days and years 365.25.
    """
    if text.strip() == "0":
        return 0
    total, position = Fraction(0), 0
    while position < len(text):
        item = _ITEM.match(text, position)
        if item is None or item[2] not in _NANOSECONDS:
            return None
        total += Fraction(item[1]) * _NANOSECONDS[item[2]]
        position = item.end()
    return int(total) if position else None


def format_duration(nanoseconds: int) -> str:
    """The shortest exact text of a duration, in units that all releases accept: ``5400 s`` is ``1h30m``."""
    parts = []
    for unit, size in _PRINTED:
        count, nanoseconds = divmod(nanoseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
