"""How a query fails."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING, TypeVar

from influxdb3_embedded.memory_size import readable

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

_PREFIX = "DataFusion error: "
_FLAG = "--exec-mem-pool-bytes"
_EXHAUSTED = "Resources exhausted"
_NOT_IMPLEMENTED = "This feature is not implemented"


class QueryFailed(Exception):
    """A query that cannot be planned or run.

    Attributes:
        status: 400; 405 for SQL that the planner does not implement (contract 7.1); 500 if the query is not at fault.
        text: DataFusion's text, or one in its manner.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def call_datafusion(call: Callable[[], Result], explain: Callable[[int, str], QueryFailed] = QueryFailed) -> Result:
    """Let DataFusion do something.

    Args:
        call: What it does.
        explain: Makes the failure from a status and DataFusion's text.

    Raises:
        QueryFailed: It fails; without a traceback, whose frames would keep the query's memory as long as the failure.
    """
    try:
        return call()
    except QueryFailed as failure:
        raise failure.with_traceback(None) from None
    except BaseException as error:
        # A panic in DataFusion arrives as an exception that is no Exception; the server must survive it too.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        text = str(error).removeprefix(_PREFIX)
        raise explain(405 if text.startswith(_NOT_IMPLEMENTED) else 400, text) from error.with_traceback(None)


def exhausted(what: str, limit: int) -> QueryFailed:
    """The failure of a query that needs too much memory.

    Args:
        what: What takes it.
        limit: Bytes that the query may take.
    """
    text = f"{what} would take more memory than queries may have: {readable(limit)} ({_FLAG})"
    return QueryFailed(400, f"{_EXHAUSTED}: {text}")


def with_limit(failure: QueryFailed, limit: int) -> QueryFailed:
    """A failure of DataFusion, naming the flag if it is for want of memory.

    Args:
        failure: The failure.
        limit: Bytes that the query may take.
    """
    if _REFUSED.search(failure.text):
        return exhausted("the query", limit)
    if failure.text.startswith(_EXHAUSTED) and _FLAG not in failure.text:
        return QueryFailed(failure.status, f"{failure.text} ({_FLAG})")
    return failure


def took_too_long(limit: float) -> QueryFailed:
    """The failure of a query that has not ended in time.

    Args:
        limit: Seconds.
    """
    return QueryFailed(
        400, f"{_EXHAUSTED}: the query would take more time than queries may have: {limit:g} s (--query-timeout)"
    )


def interrupted() -> QueryFailed:
    """The failure of a query that nobody waits for any more."""
    return QueryFailed(500, "Execution error: the query was interrupted")


def process_ended(said: str, status: int | None, limit: int) -> QueryFailed:
    """The failure of a query whose process has ended.

    Args:
        said: What the process wrote to its standard error.
        status: Its wait status; None if unknown.
        limit: Bytes that the query could take.
    """
    if any(sign in said for sign in _OUT_OF_MEMORY):
        return exhausted("the query", limit)
    if "has overflowed its stack" in said:
        return QueryFailed(400, f"{_EXHAUSTED}: the query is nested too deeply")
    code = None if status is None else os.waitstatus_to_exitcode(status)
    how = "ended" if code is None else f"exited with status {code}" if code >= 0 else f"was ended by {_name(-code)}"
    return QueryFailed(500, f"Execution error: the process of the query {how}; the engine goes on")


# what Rust says at its end, what C++ does, what Rust does if it cannot start a thread
_OUT_OF_MEMORY = ("memory allocation of", "std::bad_alloc", "failed to spawn thread")
_REFUSED = re.compile(r"failed to allocate \d+ elements: memory allocation failed")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
