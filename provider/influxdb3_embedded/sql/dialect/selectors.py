"""``selector_first``, ``selector_last``, ``selector_min`` and ``selector_max``: select one row of a group.

Each becomes DataFusion's ``first_value`` of a struct. The four differ only in the order. ``first_value`` is as fast as
``max`` (measured). An aggregate function in Python would accept only one type, and be called for each group.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from influxdb3_embedded.sql.dialect.lexer import Statement
from influxdb3_embedded.sql.errors import QueryFailed

if TYPE_CHECKING:
    from influxdb3_embedded.sql.dialect.lexer import Call

# Of rows with the same value, the earliest is selected.
_ORDERS = {
    "selector_first": "{time} ASC NULLS LAST",
    "selector_last": "{time} DESC NULLS LAST",
    "selector_min": "{value} ASC NULLS LAST, {time} ASC NULLS LAST",
    "selector_max": "{value} DESC NULLS LAST, {time} ASC NULLS LAST",
}
SELECTORS = frozenset(_ORDERS)

_SELECTORS_BY_DIRECTIONS = {
    (None, "ASC"): "selector_first",
    (None, "DESC"): "selector_last",
    ("ASC", "ASC"): "selector_min",
    ("DESC", "ASC"): "selector_max",
}
# The sum makes the planner refuse a second argument that is not a timestamp.
_ZERO = "INTERVAL '0 nanoseconds'"
_EXPANDED = re.compile(
    r'first_value\(named_struct\(Utf8\("value"\),(?P<value>.+?),Utf8\("time"\),(?P<time>.+?) \+ '
    r'IntervalMonthDayNano\("[^"]*"\)(?P<others>(?:,Utf8\("other_\d+"\),.+?)*)\)\) '
    r"FILTER \(WHERE (?P=value) IS NOT NULL(?: AND (?P<filter>.+?))?\) "
    r"ORDER BY \[(?:(?P=value) (?P<by_value>ASC|DESC) NULLS LAST, )?(?P=time) (?P<by_time>ASC|DESC) NULLS LAST\]"
)
_OTHER = re.compile(r'Utf8\("other_\d+"\),')
_NOT_A_TIMESTAMP = re.compile(
    r"Cannot automatically convert (.+) to Interval\(MonthDayNano\)"
    r"|Cannot coerce arithmetic expression (.+) \+ Interval\(MonthDayNano\)"
)


def expand_selectors(sql: str) -> str:
    """Replace each call of a selector by ``first_value``. `restore_selectors` does the reverse for column names.

    Args:
        sql: Any SQL.

    Raises:
        QueryFailed: A selector has too few arguments.
    """
    statement = Statement(sql)
    replacements = []
    for call in statement.calls(range(len(statement.tokens)), SELECTORS):
        if len(call.arguments) < 2:
            text = f"{call.name} requires at least 2 arguments, got {len(call.arguments)}"
            raise QueryFailed(400, f"Error during planning: {text}")
        condition, end = _filter(statement, call)
        replacements.append((range(call.span.start, end), _expand(statement, call, condition)))
    return statement.text(range(len(statement.tokens)), replacements)


def restore_selectors(text: str) -> str:
    """A column name or an error of the planner, with selectors in place of ``first_value``."""
    return _EXPANDED.sub(_restore, text)


def misuse(sql: str, error: str) -> str | None:
    """The error for a selector whose second argument is not a timestamp. None if the error is another one.

    Args:
        sql: The query as the client sent it.
        error: The planner's text about the rewritten query.
    """
    match = _NOT_A_TIMESTAMP.search(error)
    statement = Statement(sql)
    call = next(statement.calls(range(len(statement.tokens)), SELECTORS), None)
    if match is None or call is None:
        return None
    return f"Error during planning: {call.name} second argument must be a timestamp, but got {match[1] or match[2]}"


def _expand(statement: Statement, call: Call, condition: str) -> str:
    value, time, *others = (statement.text(argument) for argument in call.arguments)
    members = [f"'value', {value}, 'time', ({time}) + {_ZERO}"]
    members += [f"'other_{number}', {other}" for number, other in enumerate(others, 1)]
    order = _ORDERS[call.name].format(value=f"({value})", time=f"({time})")
    return (
        f"first_value(named_struct({', '.join(members)}) ORDER BY {order}) "
        f"FILTER (WHERE ({value}) IS NOT NULL{condition})"
    )


def _filter(statement: Statement, call: Call) -> tuple[str, int]:
    """The condition of a FILTER clause after a call, and the index after the clause."""
    end = call.span.stop
    if statement.word(end) != "filter" or end + 1 not in statement.closing:
        return "", end
    close = statement.closing[end + 1]
    return f" AND ({statement.text(range(end + 3, close))})", close + 1


def _restore(match: re.Match[str]) -> str:
    name = _SELECTORS_BY_DIRECTIONS.get((match["by_value"], match["by_time"]))
    if name is None:
        return match[0]
    suffix = f" FILTER (WHERE {match['filter']})" if match["filter"] else ""
    return f"{name}({match['value']},{match['time']}{_OTHER.sub('', match['others'])}){suffix}"
