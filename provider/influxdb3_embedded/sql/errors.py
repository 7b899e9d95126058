"""How a query fails."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@contextmanager
def datafusion_failures(explain: Callable[[int, str], QueryFailed] = QueryFailed) -> Iterator[None]:
    """Raise `QueryFailed` for what DataFusion raises.

    Args:
        explain: Makes it from a status and DataFusion's text.
    """
    try:
        yield
    except BaseException as error:
        # A panic in DataFusion arrives as an exception that is no Exception; the server must survive it too.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        text = str(error).removeprefix(_PREFIX)
        raise explain(405 if text.startswith(_NOT_IMPLEMENTED) else 400, text) from error
