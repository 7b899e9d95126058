"""What an operation is: what it reads, what carries it out, what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from influxdb3_embedded.http.answers import error_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from influxdb3_embedded.engine import Engine
    from influxdb3_embedded.errors import ApiError
    from influxdb3_embedded.http.requests.inputs import Input

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers when it succeeds.

    Attributes:
        status: HTTP status; ``None`` for whatever a plugin says.
        content: Type of the body by content type; empty where there is no body.
    """

    status: int | None = 200
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route(Generic[Content]):
    """An operation.

    Attributes:
        method: HTTP method.
        path: The path, matched byte for byte; ``*`` at the end stands for whatever follows.
        takes: What it reads of a request.
        endpoint: What carries it out.
        answer: What it answers when it succeeds.
        error: What it answers when it does not.
    """

    method: str
    path: str
    takes: Input[Content]
    endpoint: Callable[[Engine, Request, Content], Awaitable[Response]]
    answer: Answer = Answer()
    error: Callable[[ApiError], Response] = error_answer
