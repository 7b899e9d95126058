"""Whether a dry run wrote what was expected."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ExpectedWrites = list[str] | dict[str, list[str]]
"""Lines of line protocol for the test's own database, or by database; ``/REGULAR EXPRESSION/`` stands for a line."""

_TIMESTAMP = re.compile(r" -?\d+$")  # a field set never ends so: its last value follows '=', or ends with a quote


def expression(line: str) -> re.Pattern[str] | None:
    """The regular expression that an expected line is, ``None`` where it is line protocol, which never ends so.

    Raises:
        ValueError: It cannot be compiled.
    """
    if len(line) < 2 or not (line.startswith("/") and line.endswith("/")):
        return None
    try:
        return re.compile(line[1:-1])
    except re.error as error:
        raise ValueError(f"the regular expression cannot be compiled: {error}") from None


def missed(expected: ExpectedWrites, written: Mapping[str, Sequence[str]], database: str) -> list[str]:
    """What was expected and not written, and what was written and not expected; empty where all is as expected.

    The order of lines says nothing. A line without a timestamp meets one with any. Each expected line takes the first
    written one that it meets, the literal ones before the expressions.

    Args:
        expected: What should have been written, and nothing else.
        written: Database to what was written, one or several lines a text.
        database: Where the lines of an ``expected`` that names no database belong.
    """
    by_database = expected if isinstance(expected, dict) else {database: expected}
    problems = []
    for name in sorted({*by_database, *written}):
        lines = [line for text in written.get(name, ()) for line in text.splitlines() if line.strip()]
        for wanted in sorted(by_database.get(name, ()), key=lambda line: expression(line) is not None):
            met = next((line for line in lines if _meets(line, wanted)), None)
            if met is None:
                problems.append(f"nothing like {wanted!r} was written to {name!r}")
            else:
                lines.remove(met)
        problems += [f"{line!r} was written to {name!r}, which was not expected" for line in lines]
    return problems


def _meets(line: str, wanted: str) -> bool:
    pattern = expression(wanted)
    if pattern is not None:
        return pattern.fullmatch(line) is not None
    return line == wanted or (not _TIMESTAMP.search(wanted) and _TIMESTAMP.sub("", line) == wanted)
