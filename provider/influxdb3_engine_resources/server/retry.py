"""Which failed requests may be repeated, and repeating them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from influxdb3_engine_api import (
    AnswerError,
    AnswerLost,
    EngineApiError,
    EngineUnreachable,
    ServerError,
    TransportError,
    UnreadableAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

_PAUSES = (0.1, 0.4, 1.6)
"""Seconds between attempts: a connection that broke is back at once, a server that restarts within seconds."""
_TRANSIENT = frozenset({429, 502, 503, 504})


def is_transient(error: EngineApiError) -> bool:
    """Whether the same request may succeed a moment later."""
    return isinstance(error, TransportError) or (isinstance(error, AnswerError) and error.status in _TRANSIENT)


def is_unsettled(error: EngineApiError) -> bool:
    """Whether the server may have carried out the request; retry on it if carrying it out twice is harmless."""
    return is_transient(error) or isinstance(error, UnreadableAnswer)


def is_server_fault(error: EngineApiError) -> bool:
    """Whether the server or the network failed; retry on it if the request itself is known to be valid."""
    return is_transient(error) or isinstance(error, ServerError | UnreadableAnswer)


def with_retries(action: Callable[[], Result], *, retry_on: Callable[[EngineApiError], bool] = is_transient) -> Result:
    """Carry out an action up to four times: takes at most four time limits and two seconds.

    A request that changes nothing and that times out is repeated once: a server that takes that long twice is down.

    Args:
        action: What to do; doing it twice is harmless.
        retry_on: Whether to try again after a failure.

    Raises:
        EngineApiError: The last failure, or the first one that ``retry_on`` rejects, or after which to try again is
            useless.
    """
    before: EngineApiError | None = None
    for pause in _PAUSES:
        try:
            return action()
        except EngineApiError as error:
            if isinstance(error, EngineUnreachable) and error.waited and isinstance(before, AnswerLost):
                raise before from error  # it was not sent, but the attempt before may have been carried out
            if not retry_on(error) or (isinstance(error, TransportError) and error.waited):
                raise
            if _is_slow_reading(error) and before is not None and _is_slow_reading(before):
                raise
            before = error
            time.sleep(pause)
    return action()


def _is_slow_reading(error: EngineApiError) -> bool:
    return isinstance(error, AnswerLost) and error.timed_out and not error.changes
