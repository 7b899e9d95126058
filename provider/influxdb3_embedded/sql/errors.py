"""How a query fails."""

from __future__ import annotations


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
