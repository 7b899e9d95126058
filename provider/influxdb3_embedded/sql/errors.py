"""The failures of queries, and their texts."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING, TypeVar

from influxdb3_embedded.memory_size import format_size

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

_PREFIX = "DataFusion error: "
_FLAG = "--exec-mem-pool-bytes"
_EXHAUSTED = "Resources exhausted"
_NOT_IMPLEMENTED = "This feature is not implemented"


class QueryFailed(Exception):
    """A query failed.

    Attributes:
        status: 400; 405 for SQL that DataFusion does not implement (contract 7.1); 500 if the query is not at fault.
        text: DataFusion's text, or a text in the same style.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def call_datafusion(call: Callable[[], Result], explain: Callable[[int, str], QueryFailed] = QueryFailed) -> Result:
    """Call DataFusion, and turn its errors into `QueryFailed`.

    Args:
        call: The call.
        explain: Makes the failure from a status and DataFusion's text.

    Raises:
        QueryFailed: The call failed. The error has no traceback, because the frames would keep the query's memory.
    """
    try:
        return call()
    except QueryFailed as failure:
        raise failure.with_traceback(None) from None
    except BaseException as error:
        # A panic in DataFusion is a BaseException, but no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        text = str(error).removeprefix(_PREFIX)
        raise explain(405 if text.startswith(_NOT_IMPLEMENTED) else 400, text) from error.with_traceback(None)


def exhausted(what: str, limit: int) -> QueryFailed:
    """The failure of a query that needs too much memory.

    Args:
        what: What needs the memory.
        limit: Bytes that the query may take.
    """
    text = f"{what} would take more memory than queries may have: {format_size(limit)} ({_FLAG})"
    return QueryFailed(400, f"{_EXHAUSTED}: {text}")


def with_limit(failure: QueryFailed, limit: int) -> QueryFailed:
    """Add the name of the flag to a failure about memory. Other failures are returned as they are.

    Args:
        failure: A failure of DataFusion.
        limit: Bytes that the query may take.
    """
    if _REFUSED.search(failure.text):
        return exhausted("the query", limit)
    if failure.text.startswith(_EXHAUSTED) and _FLAG not in failure.text:
        return QueryFailed(failure.status, f"{failure.text} ({_FLAG})")
    return failure


def took_too_long(limit: float) -> QueryFailed:
    """The failure of a query that exceeded the time limit.

    Args:
        limit: Seconds.
    """
    return QueryFailed(
        400, f"{_EXHAUSTED}: the query would take more time than queries may have: {limit:g} s (--query-timeout)"
    )


def interrupted() -> QueryFailed:
    """The failure of a query whose client disconnected, or whose engine stopped."""
    return QueryFailed(500, "Execution error: the query was interrupted")


def process_ended(stderr: str, status: int | None, limit: int) -> QueryFailed:
    """The failure of a query whose process has ended.

    Args:
        stderr: What the process wrote to its standard error.
        status: Its wait status, or None if unknown.
        limit: Bytes that the query could take.
    """
    if any(text in stderr for text in _OUT_OF_MEMORY):
        return exhausted("the query", limit)
    if "has overflowed its stack" in stderr:
        return QueryFailed(400, f"{_EXHAUSTED}: the query is nested too deeply")
    code = None if status is None else os.waitstatus_to_exitcode(status)
    how = "ended" if code is None else f"exited with status {code}" if code >= 0 else f"was ended by {_name(-code)}"
    return QueryFailed(500, f"Execution error: the process of the query {how}; the engine goes on")


# the last words of Rust, of C++, and of Rust if it cannot start a thread
_OUT_OF_MEMORY = ("memory allocation of", "std::bad_alloc", "failed to spawn thread")
_REFUSED = re.compile(r"failed to allocate \d+ elements: memory allocation failed")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
