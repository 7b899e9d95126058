"""Cron expressions in UTC: six fields and an optional year.

The grammar is contract 2.2 with two differences of the published API: no shorthands, and weekdays 0-6 with Sunday as 0.
A real server counts numeric weekdays from Sunday as 1, so that ``Fields.portable`` writes names of weekdays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_TOKEN = re.compile(r"\d+|[A-Za-z]+|\S", re.ASCII)
_ENTRY = re.compile(r"[^\s,]+|,")
_FIVE_WORDS = re.compile(r"[^\s,/-]\S*(?:(?<![,/-])\s+[^\s,/-]\S*){4}(?<![,/-])")
_ZONE_SETTING = re.compile(r"(?:CRON_)?TZ=\S+", re.ASCII)
_ZONE = re.compile(
    r"[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z0-9_+-]+)+"  # Europe/Berlin
    r"|[+-]\d\d:?\d\d|(?:UTC|GMT)[+-]\d\d?(?::?\d\d)?|UTC|GMT|Z|[A-Z]{1,4}T",  # +02:00, UTC+2, CEST
    re.ASCII,
)
_MOST_DIGITS = 9
_SHORT = 3
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

    @property
    def accepts(self) -> str:
        """Description of the values that the field accepts, for messages."""
        short = [name.upper() for name in self.names if len(name) == _SHORT]
        names = f", {short[0]}-{short[-1]}" if short else ""
        return f"{self.low}-{self.high}{names}, '*', lists (a,b), ranges (a-b) and steps (*/n)"


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
_YEAR = _Field("year", 1970, 2100, {})
_WEEKDAY = _FIELDS[-1]
_ALL_YEARS = frozenset(range(_YEAR.low, _YEAR.high + 1))
_NAMES = frozenset(name for field in _FIELDS for name in field.names)
FIELD_NAMES = " ".join(field.name for field in _FIELDS)


class CronError(ValueError):
    """An invalid cron expression; the text says why and what to write."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One entry of a field's list: ``first`` to ``last`` in steps. ``first`` is None for ``*``."""

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
            # a single name cannot have a step, so write the range
            base = f"{name(self.first)}-{name(field.high)}" if self.first != field.high else name(self.first)
            return base if self.first == field.high else f"{base}/{self.step}"
        else:
            base = name(self.first)
        return base if self.step is None else f"{base}/{self.step}"


@dataclass(frozen=True, slots=True)
class Fields:
    """A parsed cron expression with six or seven fields."""

    _items: tuple[tuple[_Item, ...], ...]

    @property
    def values(self) -> tuple[frozenset[int], ...]:
        """The values that each of the six fields matches, and the years."""
        values = tuple(
            frozenset(value for item in items for value in item.values(field))
            for field, items in zip((*_FIELDS, _YEAR), self._items, strict=False)
        )
        return values if self.has_year else (*values, _ALL_YEARS)

    @property
    def has_year(self) -> bool:
        """Whether the expression has a seventh field."""
        return len(self._items) > len(_FIELDS)

    @property
    def restricts_both_days(self) -> bool:
        """Whether neither the day of the month nor the day of the week may be any; a run needs both to match."""
        _, _, _, days, _, weekdays, _ = self.values
        return len(days) <= _FIELDS[3].high - _FIELDS[3].low and len(weekdays) < len(WEEKDAYS)

    @property
    def portable(self) -> str:
        """The expression with names of weekdays, which all releases read alike (``1-5`` is ``MON-FRI``)."""
        texts = []
        for field, items in zip((*_FIELDS, _YEAR), self._items, strict=False):
            name = WEEKDAYS.__getitem__ if field is _WEEKDAY else str
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
            for field, values in zip(_FIELDS, self.values, strict=False)
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
        return _parsed(expression)
    except CronError as error:
        raise CronError(_with_zone(expression) or _without_seconds(expression) or str(error)) from None


def _parsed(expression: str) -> Fields:
    if expression.lstrip().startswith("@"):
        raise CronError(f"shorthands are not part of the API: write the six fields ({FIELD_NAMES})")
    tokens = _Tokens(expression)
    parsed: list[tuple[_Item, ...]] = []
    for field in (*_FIELDS, _YEAR):
        if tokens.at_end:
            break
        parsed.append(_field(tokens, field))
    tokens.begin(_YEAR)
    rest = tokens.take()
    if rest is not None and rest.attached:
        raise tokens.meaningless()
    if len(parsed) < len(_FIELDS) or rest is not None:
        raise CronError(f"cron has six fields ({FIELD_NAMES}) and may have a year as seventh")
    return Fields(tuple(parsed))


def _without_seconds(expression: str) -> str | None:
    """The error for an expression without the field of seconds; None if the expression has another problem."""
    if expression.lstrip().startswith((",", "-", "/")):
        return None  # a number in front would make another list, range or step
    remedy = f"0 {expression.strip()}"
    text = f"cron has six fields ({FIELD_NAMES}), this has five"
    try:
        fields = _parsed(remedy)
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
            without = " ".join(["0", *words] if len(words) == len(_FIELDS) - 1 else words)
            return f"cron is in UTC, without a time zone: leave {word!r} out and write the hours in UTC: {without!r}"
    return None


def same_text(one: str, other: str) -> bool:
    """Whether two cron expressions are equal without white space and the case of names."""
    return [word.upper() for word in _TOKEN.findall(one)] == [word.upper() for word in _TOKEN.findall(other)]


class _Token(NamedTuple):
    """A token.

    Attributes:
        text: Its text.
        entry: The whole entry of the list that holds it: ``15W`` for both ``15`` and ``W``.
        attached: Whether no blank is between it and the token before.
    """

    text: str
    entry: str
    attached: bool

    @property
    def is_number(self) -> bool:
        """Whether the token is a number; ``isdigit`` alone accepts digits of all scripts."""
        return self.text.isascii() and self.text.isdigit()


class _Tokens:
    def __init__(self, text: str) -> None:
        self._tokens: list[_Token] = []
        end = -1
        for entry in _ENTRY.finditer(text):
            for found in _TOKEN.finditer(text, *entry.span()):
                if found[0].isdigit() and len(found[0]) > _MOST_DIGITS:
                    raise CronError(f"a number of {len(found[0])} digits has no meaning in a cron expression")
                self._tokens.append(_Token(found[0], entry[0], found.start() == end))
                end = found.end()
        self._next = 0
        self._begin = 0
        self._field = self._before = _FIELDS[0]

    @property
    def at_end(self) -> bool:
        return self._next == len(self._tokens)

    def begin(self, field: _Field) -> None:
        """Start a field: the next tokens belong to it."""
        self._before, self._field, self._begin = self._field, field, self._next

    def take(self, *wanted: str) -> _Token | None:
        """Take the next token if it is one of ``wanted``, or any token if ``wanted`` is empty; otherwise None."""
        if self.at_end or (wanted and self._tokens[self._next].text not in wanted):
            return None
        self._next += 1
        return self._tokens[self._next - 1]

    def meaningless(self) -> CronError:
        """The error about the token that was taken last."""
        token = self._tokens[self._next - 1]
        belongs_to_the_field_before = token.attached and self._next - 1 == self._begin
        field = self._before if belongs_to_the_field_before else self._field
        word = token.entry if token.attached or token.text.isalpha() else token.text
        return CronError(f"{word!r} has no meaning in the {field.name} field, which takes {field.accepts}")


def _field(tokens: _Tokens, field: _Field) -> tuple[_Item, ...]:
    tokens.begin(field)
    items = [_item(tokens, field)]
    while tokens.take(","):
        items.append(_item(tokens, field))
    return tuple(items)


def _item(tokens: _Tokens, field: _Field) -> _Item:
    first_token = tokens.take()
    if first_token is None:
        raise CronError(f"the {field.name} field is incomplete")
    last = None
    if first_token.text == "*" or (first_token.text == "?" and field.question_mark):
        first = None
    else:
        first = _value(tokens, first_token, field)
        if tokens.take("-"):
            last_token = tokens.take()
            if last_token is None:
                raise CronError(f"the {field.name} field is incomplete")
            last = _value(tokens, last_token, field)
            text = f"{first_token.text}-{last_token.text}"
            if first_token.is_number != last_token.is_number:
                raise CronError(f"{text} mixes a number and a name in the {field.name} field")
            if last < first:
                raise CronError(f"{text} wraps around in the {field.name} field: write two ranges, joined by a comma")
    step = None
    if first_token.text != "?" and tokens.take("/"):
        step = _step(tokens.take(), field)
        if last is None and first is not None and not first_token.is_number:
            raise CronError(f"{first_token.text}/{step}: a single name cannot have a step; a range or a number can")
    return _Item(first, last, step)


def _value(tokens: _Tokens, token: _Token, field: _Field) -> int:
    if token.is_number:
        value = int(token.text)
        if not field.low <= value <= field.high:
            meaning = ", Sunday is 0" if field is _WEEKDAY else ""
            raise CronError(f"{field.name} is {field.low}-{field.high}{meaning}; {token.text} is not")
        return value
    if token.text.lower() in field.names:
        return field.names[token.text.lower()]
    raise tokens.meaningless()


def _step(token: _Token | None, field: _Field) -> int:
    if token is None or not token.is_number or not 1 <= int(token.text) <= field.high:
        text = "nothing" if token is None else token.text
        raise CronError(f"a step in the {field.name} field is 1-{field.high}; {text} is not")
    return int(token.text)
