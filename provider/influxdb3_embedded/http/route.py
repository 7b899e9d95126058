"""The declaration of an operation: what it reads, which function runs, what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from influxdb3_embedded.http.answers import error_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from influxdb3_embedded.engine import EmbeddedEngine
    from influxdb3_embedded.errors import ApiError
    from influxdb3_embedded.http.requests.inputs import Input

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a successful operation.

    Attributes:
        status: HTTP status; None if a plugin chooses it.
        content: Content type to type of the body; empty if there is no body.
    """

    status: int | None = 200
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route(Generic[Content]):
    """An operation.

    Attributes:
        method: HTTP method.
        path: The path, compared byte for byte. A final ``*`` stands for any text.
        takes: What the operation reads of a request.
        handler: The function that runs the operation.
        answer: The answer if the operation succeeds.
        error: Makes the answer if the operation fails.
    """

    method: str
    path: str
    takes: Input[Content]
    handler: Callable[[EmbeddedEngine, Request, Content], Awaitable[Response]]
    answer: Answer = Answer()
    error: Callable[[ApiError], Response] = error_answer
