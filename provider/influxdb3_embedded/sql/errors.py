"""How a query fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

_PREFIX = "DataFusion error: "
_NOT_IMPLEMENTED = "This feature is not implemented"


class QueryFailed(Exception):
    """A query that cannot be planned or run.

    Attributes:
        status: 400, or 405 for SQL that the planner does not implement (contract 7.1).
        text: DataFusion's text.
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
