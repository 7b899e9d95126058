"""Cron expressions of the API: six fields, weekdays 0-6 with Sunday 0, both day fields must match, UTC.

The grammar is contract 2.2 with what the published API rules differently: six fields exactly, weekdays counted from
Sunday = 0. A real server counts numeric weekdays from Sunday = 1, so a portable expression names them:
``Fields.portable`` does that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_TOKEN = re.compile(r"\s*(?:(\d+)|([A-Za-z]+)|([*?,/-]))\s*", re.ASCII)
_WORD = re.compile(r"\d+|[A-Za-z]+|\S", re.ASCII)
_MOST_DIGITS = 9
_REPEATED_NAMES = {"tues": 2, "thurs": 4}
_FULL_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_FULL_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    names: dict[str, int]
    question_mark: bool = False


_FIELDS = (
    _Field("second", 0, 59, {}),
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day-of-month", 1, 31, {}, question_mark=True),
    _Field("month", 1, 12, {key: at for at, full in enumerate(_FULL_MONTHS, 1) for key in (full, full[:3])}),
    _Field(
        "day-of-week",
        0,
        6,
        {key: at for at, full in enumerate(_FULL_WEEKDAYS) for key in (full, full[:3])} | _REPEATED_NAMES,
        question_mark=True,
    ),
)
FIELD_NAMES = " ".join(field.name for field in _FIELDS)


class CronError(ValueError):
    """A cron expression that the API does not take; the text says why and what to write instead."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One entry of a field's list: ``first`` to ``last`` in steps; ``None`` for ``*``."""

    first: int | None
    last: int | None
    step: int | None

    def values(self, field: _Field) -> range:
        low = field.low if self.first is None else self.first
        if self.first is None or (self.last is None and self.step is not None):
            high = field.high
        else:
            high = low if self.last is None else self.last
        return range(low, high + 1, self.step or 1)

    def text(self, field: _Field, name: Callable[[int], str]) -> str:
        if self.first is None:
            base = "*"
        elif self.last is not None:
            base = f"{name(self.first)}-{name(self.last)}"
        elif self.step is not None and field.names:
            # a single name cannot take a step, the range that it stands for can
            base = f"{name(self.first)}-{name(field.high)}" if self.first != field.high else name(self.first)
            return base if self.first == field.high else f"{base}/{self.step}"
        else:
            base = name(self.first)
        return base if self.step is None else f"{base}/{self.step}"


@dataclass(frozen=True, slots=True)
class Fields:
    """A parsed cron expression."""

    _items: tuple[tuple[_Item, ...], ...]

    @property
    def values(self) -> tuple[frozenset[int], ...]:
        """What each of the six fields matches; two expressions that run at the same times have equal values."""
        return tuple(
            frozenset(value for item in items for value in item.values(field))
            for field, items in zip(_FIELDS, self._items, strict=True)
        )

    @property
    def portable(self) -> str:
        """The expression with weekdays by name, which every release reads alike (``1-5`` is ``MON-FRI``)."""
        texts = []
        for field, items in zip(_FIELDS, self._items, strict=True):
            name = WEEKDAYS.__getitem__ if field is _FIELDS[-1] else str
            texts.append(",".join(item.text(field, name) for item in items))
        return " ".join(texts)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first matching second strictly after ``moment`` (UTC), or ``None`` where there is none in 50 years."""
        from croniter import CroniterBadDateError, croniter  # noqa: PLC0415 - a client that only parses starts sooner

        expression = " ".join(
            "*" if len(values) == field.high - field.low + 1 else ",".join(map(str, sorted(values)))
            for field, values in zip(_FIELDS, self.values, strict=True)
        )
        try:
            times = croniter(expression, moment, ret_type=type(moment), second_at_beginning=True, day_or=False)
            found: datetime = times.get_next()
        except CroniterBadDateError:
            return None
        return found


def parse_cron(expression: str) -> Fields:
    """Parse six cron fields.

    Raises:
        CronError: The expression is not one of the API's; the text says what to write instead.
    """
    if expression.lstrip().startswith("@"):
        raise CronError(f"shorthands are not part of the API: write the six fields ({FIELD_NAMES})")
    tokens = _Tokens(expression)
    parsed: list[tuple[_Item, ...]] = []
    while not tokens.at_end and len(parsed) < len(_FIELDS):
        parsed.append(_field(tokens, _FIELDS[len(parsed)]))
    if len(parsed) == len(_FIELDS) - 1 and tokens.at_end:
        raise CronError(
            f"cron has six fields ({FIELD_NAMES}), this has five: put the second in front, '0 {expression}'"
        )
    if len(parsed) != len(_FIELDS) or not tokens.at_end:
        raise CronError(f"cron has exactly six fields: {FIELD_NAMES}")
    return Fields(tuple(parsed))


def same_text(one: str, other: str) -> bool:
    """Whether two cron expressions differ in white space and the case of names only."""
    return [word.upper() for word in _WORD.findall(one)] == [word.upper() for word in _WORD.findall(other)]


class _Tokens:
    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        position = 0
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                raise CronError(f"{text[position]!r} has no meaning in a cron expression")
            if found[1] and len(found[1]) > _MOST_DIGITS:
                raise CronError(f"a number of {len(found[1])} digits has no meaning in a cron expression")
            self._tokens.append(found[1] or found[2] or found[3])
            position = found.end()
        self._next = 0

    @property
    def at_end(self) -> bool:
        return self._next == len(self._tokens)

    def take(self, *wanted: str) -> str | None:
        """The next token, if it is one of those wanted (any where none is named)."""
        if self.at_end or (wanted and self._tokens[self._next] not in wanted):
            return None
        self._next += 1
        return self._tokens[self._next - 1]


def _field(tokens: _Tokens, field: _Field) -> tuple[_Item, ...]:
    items = [_item(tokens, field)]
    while tokens.take(","):
        items.append(_item(tokens, field))
    return tuple(items)


def _item(tokens: _Tokens, field: _Field) -> _Item:
    first_token = tokens.take()
    if first_token is None:
        raise CronError(f"the {field.name} field is incomplete")
    last = None
    if first_token == "*" or (first_token == "?" and field.question_mark):  # noqa: S105 - a cron token, no secret
        first = None
    else:
        first = _value(first_token, field)
        if tokens.take("-"):
            last_token = tokens.take() or ""
            last = _value(last_token, field)
            if first_token.isdigit() != last_token.isdigit():
                raise CronError(f"{first_token}-{last_token} mixes a number and a name in the {field.name} field")
            if last < first:
                raise CronError(
                    f"{first_token}-{last_token} wraps around in the {field.name} field: "
                    f"write two ranges, joined by a comma"
                )
    step = None
    if first_token != "?" and tokens.take("/"):  # noqa: S105 - a cron token, no secret
        step = _step(tokens.take() or "", field)
        if last is None and first is not None and not first_token.isdigit():
            raise CronError(f"{first_token}/{step}: a single name cannot take a step, a range or a number can")
    return _Item(first, last, step)


def _value(token: str, field: _Field) -> int:
    if token.isdigit():
        value = int(token)
        if not field.low <= value <= field.high:
            meaning = ", Sunday is 0" if field is _FIELDS[-1] else ""
            raise CronError(f"{field.name} is {field.low}-{field.high}{meaning}; {token} is not")
        return value
    if token.lower() in field.names:
        return field.names[token.lower()]
    raise CronError(f"{token!r} has no meaning in the {field.name} field")


def _step(token: str, field: _Field) -> int:
    if not token.isdigit() or not 1 <= int(token) <= field.high:
        raise CronError(f"a step in the {field.name} field is 1-{field.high}; {token or 'nothing'} is not")
    return int(token)
