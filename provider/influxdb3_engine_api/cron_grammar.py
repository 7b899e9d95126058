"""The grammar of cron expressions (contract 2.2): fields, lists, ranges and steps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = re.compile(r"\d+|[A-Za-z]+|\S", re.ASCII)
_ENTRY = re.compile(r"[^\s,]+|,")
_MOST_DIGITS = 9
_SHORT = 3
_REPEATED_NAMES = {"tues": 2, "thurs": 4}
_FULL_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_FULL_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip


class CronField(NamedTuple):
    """A field of an expression, and the values that it takes."""

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


FIELDS = (
    CronField("second", 0, 59, {}),
    CronField("minute", 0, 59, {}),
    CronField("hour", 0, 23, {}),
    CronField("day-of-month", 1, 31, {}, question_mark=True),
    CronField("month", 1, 12, {key: at for at, full in enumerate(_FULL_MONTHS, 1) for key in (full, full[:3])}),
    CronField(
        "day-of-week",
        0,
        6,
        {key: at for at, full in enumerate(_FULL_WEEKDAYS) for key in (full, full[:3])} | _REPEATED_NAMES,
        question_mark=True,
    ),
)
YEAR = CronField("year", 1970, 2100, {})
WEEKDAY = FIELDS[-1]
FIELD_NAMES = " ".join(field.name for field in FIELDS)


class CronError(ValueError):
    """An invalid cron expression; the text says why and what to write."""


@dataclass(frozen=True, slots=True)
class CronItem:
    """One entry of a field's list: ``first`` to ``last`` in steps. ``first`` is None for ``*``."""

    first: int | None
    last: int | None
    step: int | None

    def values(self, field: CronField) -> range:
        """The values that it matches."""
        low = field.low if self.first is None else self.first
        if self.first is None or (self.last is None and self.step is not None):
            high = field.high
        else:
            high = low if self.last is None else self.last
        return range(low, high + 1, self.step or 1)

    def earlier(self, days: int) -> CronItem:
        """A weekday whose numbers are smaller by ``days``."""
        if not days:
            return self
        first = None if self.first is None else self.first - days
        last = None if self.last is None else self.last - days
        if self.step is not None and self.step > WEEKDAY.high:  # only the first day is in the list
            return CronItem(first or 0, None, None)
        return CronItem(first, last, self.step)

    def text(self, field: CronField, name: Callable[[int], str]) -> str:
        """The entry with the names that ``name`` returns for values."""
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


def parse_items(expression: str, sunday: int = 0) -> tuple[tuple[CronItem, ...], ...]:
    """The entries of each field; weekdays are counted from Sunday as 0.

    Args:
        expression: Six cron fields and an optional year.
        sunday: The number of Sunday in the expression.

    Raises:
        CronError: The expression is invalid; the text says what to write.
    """
    if expression.lstrip().startswith("@"):
        raise CronError(f"shorthands are not part of the API: write the six fields ({FIELD_NAMES})")
    tokens = _Tokens(expression)
    weekday = _weekday_counted_from(sunday)
    parsed: list[tuple[CronItem, ...]] = []
    for field in (*FIELDS[:-1], weekday, YEAR):
        if tokens.at_end:
            break
        items = _field(tokens, field)
        parsed.append(tuple(item.earlier(sunday) for item in items) if field is weekday else items)
    tokens.begin(YEAR)
    rest = tokens.take()
    if rest is not None and rest.attached:
        raise tokens.meaningless()
    if len(parsed) < len(FIELDS) or rest is not None:
        raise CronError(f"cron has six fields ({FIELD_NAMES}) and may have a year as seventh")
    return tuple(parsed)


def _weekday_counted_from(sunday: int) -> CronField:
    names = {name: value + sunday for name, value in WEEKDAY.names.items()}
    return WEEKDAY._replace(low=sunday, high=sunday + WEEKDAY.high, names=names) if sunday else WEEKDAY


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
            for found in TOKEN.finditer(text, *entry.span()):
                if found[0].isdigit() and len(found[0]) > _MOST_DIGITS:
                    raise CronError(f"a number of {len(found[0])} digits has no meaning in a cron expression")
                self._tokens.append(_Token(found[0], entry[0], found.start() == end))
                end = found.end()
        self._next = 0
        self._begin = 0
        self._field = self._before = FIELDS[0]

    @property
    def at_end(self) -> bool:
        return self._next == len(self._tokens)

    def begin(self, field: CronField) -> None:
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


def _field(tokens: _Tokens, field: CronField) -> tuple[CronItem, ...]:
    tokens.begin(field)
    items = [_item(tokens, field)]
    while tokens.take(","):
        items.append(_item(tokens, field))
    return tuple(items)


def _item(tokens: _Tokens, field: CronField) -> CronItem:
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
    return CronItem(first, last, step)


def _value(tokens: _Tokens, token: _Token, field: CronField) -> int:
    if token.is_number:
        value = int(token.text)
        if not field.low <= value <= field.high:
            meaning = ", Sunday is 0" if field is WEEKDAY else ""
            raise CronError(f"{field.name} is {field.low}-{field.high}{meaning}; {token.text} is not")
        return value
    if token.text.lower() in field.names:
        return field.names[token.text.lower()]
    raise tokens.meaningless()


def _step(token: _Token | None, field: CronField) -> int:
    if token is None or not token.is_number or not 1 <= int(token.text) <= field.high:
        text = "nothing" if token is None else token.text
        raise CronError(f"a step in the {field.name} field is 1-{field.high}; {text} is not")
    return int(token.text)
