"""Cron expressions in UTC: six fields and an optional year.

The grammar is contract 2.2 with two differences of the published API: no shorthands, and weekdays 0-6 with Sunday as 0.
A real server counts numeric weekdays from Sunday as 1, so that ``Fields.portable`` writes names of weekdays.
``parse_stored_cron`` reads what a server stores: it takes shorthands, and weekdays as that server counts them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from influxdb3_engine_api.cron_grammar import (
    FIELD_NAMES,
    FIELDS,
    TOKEN,
    WEEKDAY,
    YEAR,
    CronError,
    CronItem,
    parse_items,
)

if TYPE_CHECKING:
    from datetime import datetime

WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIVE_WORDS = re.compile(r"[^\s,/-]\S*(?:(?<![,/-])\s+[^\s,/-]\S*){4}(?<![,/-])")
_ZONE_SETTING = re.compile(r"(?:CRON_)?TZ=\S+", re.ASCII)
_ZONE = re.compile(
    r"[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z0-9_+-]+)+"  # Europe/Berlin
    r"|[+-]\d\d:?\d\d|(?:UTC|GMT)[+-]\d\d?(?::?\d\d)?|UTC|GMT|Z|[A-Z]{1,4}T",  # +02:00, UTC+2, CEST
    re.ASCII,
)
_SHORTHANDS = {
    "@yearly": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * SUN",
    "@daily": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
"""What a real server accepts instead of fields (contract 2.2)."""
_ALL_YEARS = frozenset(range(YEAR.low, YEAR.high + 1))
_NAMES = frozenset(name for field in FIELDS for name in field.names)


@dataclass(frozen=True, slots=True)
class Fields:
    """A parsed cron expression with six or seven fields."""

    _items: tuple[tuple[CronItem, ...], ...]

    @property
    def values(self) -> tuple[frozenset[int], ...]:
        """The values that each of the six fields matches, and the years."""
        values = tuple(
            frozenset(value for item in items for value in item.values(field))
            for field, items in zip((*FIELDS, YEAR), self._items, strict=False)
        )
        return values if self.has_year else (*values, _ALL_YEARS)

    @property
    def has_year(self) -> bool:
        """Whether the expression has a seventh field."""
        return len(self._items) > len(FIELDS)

    @property
    def restricts_both_days(self) -> bool:
        """Whether neither the day of the month nor the day of the week may be any; a run needs both to match."""
        _, _, _, days, _, weekdays, _ = self.values
        return len(days) <= FIELDS[3].high - FIELDS[3].low and len(weekdays) < len(WEEKDAYS)

    @property
    def portable(self) -> str:
        """The expression with names of weekdays, which all releases read alike (``1-5`` is ``MON-FRI``)."""
        texts = []
        for field, items in zip((*FIELDS, YEAR), self._items, strict=False):
            name = WEEKDAYS.__getitem__ if field is WEEKDAY else str
            texts.append(",".join(item.text(field, name) for item in items))
        return " ".join(texts)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first matching second strictly after ``moment`` (UTC); None if no second matches.

        Without a year, the search ends after 50 years.
        """
        *_, years = self.values
        if years == _ALL_YEARS:
            return self._next_in_any_year(moment)
        for year in sorted(years):
            if year < moment.year:
                continue
            new_year = moment.replace(year=year, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
            moment = max(moment, new_year - timedelta(microseconds=1))
            found = self._next_in_any_year(moment)
            if found is None or found.year in years:
                return found
            moment = found
        return None

    def _next_in_any_year(self, moment: datetime) -> datetime | None:
        from croniter import CroniterBadDateError, croniter  # noqa: PLC0415 - a client that only parses starts sooner

        expression = " ".join(
            "*" if len(values) == field.high - field.low + 1 else ",".join(map(str, sorted(values)))
            for field, values in zip(FIELDS, self.values, strict=False)
        )
        try:
            times = croniter(expression, moment, ret_type=type(moment), second_at_beginning=True, day_or=False)
            found: datetime = times.get_next()
        except CroniterBadDateError:
            return None
        return found


def parse_cron(expression: str) -> Fields:
    """Parse six cron fields and an optional year.

    Raises:
        CronError: The expression is invalid; the text says what to write.
    """
    try:
        return Fields(parse_items(expression))
    except CronError as error:
        raise CronError(_with_zone(expression) or _without_seconds(expression) or str(error)) from None


def parse_stored_cron(expression: str, sunday: int) -> Fields:
    """Parse a cron expression as the server that stores it does.

    Args:
        expression: The expression.
        sunday: The number of Sunday in expressions of that server: 1 on a real server, 0 on the embedded engine.

    Raises:
        CronError: The expression is invalid.
    """
    known = _SHORTHANDS.get(expression.strip().lower())
    return Fields(parse_items(known)) if known else Fields(parse_items(expression, sunday))


def numbers_weekdays(expression: str) -> bool:
    """Whether an expression has numbers for weekdays, so that its meaning depends on the server."""
    readings: list[Fields | None] = []
    for sunday in (0, 1):
        try:
            readings.append(parse_stored_cron(expression, sunday))
        except CronError:
            readings.append(None)
    return readings[0] != readings[1]


def _without_seconds(expression: str) -> str | None:
    """The error for an expression without the field of seconds; None if the expression has another problem."""
    if expression.lstrip().startswith((",", "-", "/")):
        return None  # a number in front would make another list, range or step
    remedy = f"0 {expression.strip()}"
    text = f"cron has six fields ({FIELD_NAMES}), this has five"
    try:
        fields = Fields(parse_items(remedy))
    except CronError as error:
        if _FIVE_WORDS.fullmatch(expression.strip()) is None:
            return None
        return f"{text}: put the second in front, {remedy!r}; in that, {error}"
    year = " and a year" if fields.has_year else ""
    return f"{text}{year}: put the second in front, {remedy!r}"


def _with_zone(expression: str) -> str | None:
    """The error for an expression with a time zone; None if it has no time zone."""
    words = expression.split()
    for at in (0, -1) if words else ():
        word = words[at].strip("()")
        if _ZONE_SETTING.fullmatch(word) or (_ZONE.fullmatch(word) and word.lower() not in _NAMES):
            del words[at]
            without = " ".join(["0", *words] if len(words) == len(FIELDS) - 1 else words)
            return f"cron is in UTC, without a time zone: leave {word!r} out and write the hours in UTC: {without!r}"
    return None


def same_text(one: str, other: str) -> bool:
    """Whether two cron expressions are equal without white space and the case of names."""
    return [word.upper() for word in TOKEN.findall(one)] == [word.upper() for word in TOKEN.findall(other)]
