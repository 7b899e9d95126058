"""The clauses of one SELECT in a statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_embedded.sql.dialect.lexer import Statement

_SET_OPERATORS = frozenset({"union", "except", "intersect"})
_CLAUSES = ("from", "where", "group", "having", "qualify", "window", "order", "limit", "offset", "fetch")
_ENDS = _SET_OPERATORS | {")", ";"}
_BEFORE_AN_OPERAND = frozenset({"and", "or", "not", "is", "like", "ilike", "in", "between", "from", "as"})
_VALUES = frozenset({"null", "true", "false", "end"})
_EMPTY = range(0)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a SELECT list.

    Attributes:
        expression: Its tokens, without the alias.
        alias: The alias as written, or None.
    """

    expression: range
    alias: str | None


class Block:
    """One SELECT. Spans are indexes of tokens. The span of a missing clause is empty.

    Attributes:
        statement: The statement that contains the SELECT.
        span: From SELECT to the end of its last clause.
        distinct: Whether it is a SELECT DISTINCT.
        is_operand: Whether it is an operand of UNION, EXCEPT or INTERSECT.
        items: The SELECT list.
    """

    def __init__(self, statement: Statement, start: int) -> None:
        self.statement = statement
        self.span = range(start, _end(statement, start))
        self.distinct = statement.word(start + 1) == "distinct"
        self.is_operand = statement.word(self.span.stop) in _SET_OPERATORS or statement.word(start - 1) in {
            *_SET_OPERATORS,
            "all",
            "distinct",
        }
        self._starts = self._find_clauses()
        first = start + (2 if self.distinct else 1)
        self.items = [_item(statement, part) for part in statement.split(range(first, self._next(first)))]

    def clause(self, word: str, *, length: int = 1) -> range:
        """The tokens of a clause after its keyword. GROUP BY and ORDER BY have a ``length`` of two."""
        start = self._starts.get(word)
        return _EMPTY if start is None else range(start + length, self._next(start + 1))

    @property
    def core(self) -> range:
        """From SELECT to HAVING, without the clauses that order and limit the rows."""
        later = [self._starts[word] for word in ("order", "limit", "offset", "fetch") if word in self._starts]
        return range(self.span.start, min(later, default=self.span.stop))

    def _find_clauses(self) -> dict[str, int]:
        starts: dict[str, int] = {}
        for index in self.statement.level(self.span):
            word = self.statement.word(index)
            is_operator = word == "from" and self.statement.word(index - 1) == "distinct"
            if word in _CLAUSES and word not in starts and not is_operator:
                starts[word] = index
        return starts

    def _next(self, index: int) -> int:
        return min((start for start in self._starts.values() if start >= index), default=self.span.stop)


def enclosing_block(statement: Statement, index: int) -> Block | None:
    """The SELECT that contains a token, or None."""
    openings = {close: opening for opening, close in statement.closing.items()}
    while index >= 0:
        if statement.word(index) == "select":
            return Block(statement, index)
        index = openings.get(index, index) - 1
    return None


def visible_tables(statement: Statement, index: int) -> str:
    """A ``WITH`` clause of all common table expressions that are visible at a token. Empty if there are none."""
    tables, recursive = [], ""
    for start in range(index):
        if statement.word(start) == "with" and _is_in_scope(statement, start, index):
            tables += [statement.text(table) for table in _tables(statement, start) if table.stop <= index]
            recursive = recursive or ("RECURSIVE " if statement.word(start + 1) == "recursive" else "")
    return f"WITH {recursive}{', '.join(tables)} " if tables else ""


def _is_in_scope(statement: Statement, start: int, index: int) -> bool:
    return all(close > index for opening, close in statement.closing.items() if opening < start < close)


def _tables(statement: Statement, start: int) -> Iterator[range]:
    """The common table expressions of a WITH."""
    at = start + (2 if statement.word(start + 1) == "recursive" else 1)
    everything = len(statement.tokens)
    while True:
        bodies = (
            index
            for index in statement.level(range(at, everything))
            if statement.word(index) == "(" and statement.word(index - 1) in {"as", "materialized"}
        )
        close = statement.closing.get(next(bodies, -1))
        if close is None:
            return
        yield range(at, close + 1)
        if statement.word(close + 1) != ",":
            return
        at = close + 2


def _end(statement: Statement, start: int) -> int:
    everything = range(start, len(statement.tokens))
    return next((index for index in statement.level(everything) if statement.word(index) in _ENDS), everything.stop)


def _item(statement: Statement, span: range) -> Item:
    if len(span) < 2:
        return Item(span, None)
    last = span.stop - 1
    before = statement.word(last - 1)
    if not statement.tokens[last].is_name or statement.word(last) in _VALUES:
        return Item(span, None)
    if before == "as":
        return Item(range(span.start, last - 1), statement.tokens[last].text)
    follows_a_value = before in _VALUES or before[-1] in ")]'\"" or before[-1].isalnum() or before[-1] == "_"
    if follows_a_value and before not in _BEFORE_AN_OPERAND:
        return Item(range(span.start, last), statement.tokens[last].text)
    return Item(span, None)
