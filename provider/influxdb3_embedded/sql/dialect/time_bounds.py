"""Finds the range of time that a WHERE clause allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_embedded.sql.errors import QueryFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_embedded.sql.dialect.lexer import Statement

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_STEP = "INTERVAL '1 nanosecond'"
_HINT = (
    "; it needs both in the WHERE clause of the same SELECT, such as "
    "WHERE time >= now() - INTERVAL '1 hour' AND time < now()"
)


def time_bounds(statement: Statement, where: range, time: str) -> tuple[str, str]:
    """The first and the last time that a condition allows, as SQL. Of several bounds of one kind, the last one counts.

    Args:
        statement: The statement.
        where: The condition.
        time: The name of the time column.

    Raises:
        QueryFailed: A bound is missing. The text begins as the real server's.
    """
    lower = upper = None
    for operator, bound in _comparisons(statement, where, time):
        moment = f"arrow_cast({statement.text(bound)}, 'Timestamp(ns)')"
        match operator:
            case ">":
                lower = f"{moment} + {_STEP}"
            case ">=":
                lower = moment
            case "<":
                upper = f"{moment} - {_STEP}"
            case "<=":
                upper = moment
    if lower is None or upper is None:
        missing = "upper time bound" if lower else "lower time bound" if upper else "both upper and lower time bounds"
        raise QueryFailed(400, f"Error during planning: gap-filling query is missing {missing}{_HINT}")
    return lower, upper


def _comparisons(statement: Statement, condition: range, time: str) -> Iterator[tuple[str, range]]:
    """Operator and operand of each comparison of the time column that every row has to pass."""
    for part in _conjuncts(statement, condition):
        operator = next((index for index in statement.level(part) if statement.word(index) in _MIRRORED), None)
        if operator is not None:
            left, right = range(part.start, operator), range(operator + 1, part.stop)
            if _is_time(statement, left, time):
                yield statement.word(operator), right
            elif _is_time(statement, right, time):
                yield _MIRRORED[statement.word(operator)], left
            continue
        words = [index for index in statement.level(part) if statement.word(index) in {"between", "and", "not"}]
        if [statement.word(index) for index in words] == ["between", "and"]:
            between, middle = words
            if _is_time(statement, range(part.start, between), time):
                yield ">=", range(between + 1, middle)
                yield "<=", range(middle + 1, part.stop)


def _conjuncts(statement: Statement, condition: range) -> Iterator[range]:
    """The conditions that must all hold, also those in brackets. Nothing if the condition has an OR."""
    if len(statement.split(condition, "or")) > 1:
        return
    parts = statement.split(condition, "and")
    index = 0
    while index < len(parts):
        part = parts[index]
        if any(statement.word(at) == "between" for at in statement.level(part)) and index + 1 < len(parts):
            index += 1
            part = range(part.start, parts[index].stop)
        if statement.closing.get(part.start) == part.stop - 1 and statement.word(part.start) == "(":
            yield from _conjuncts(statement, range(part.start + 1, part.stop - 1))
        else:
            yield part
        index += 1


def _is_time(statement: Statement, span: range, time: str) -> bool:
    return statement.is_column(span) and bool(span) and statement.tokens[span.stop - 1].normal == time
