"""Repeating what is safe to repeat."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from influxdb3_engine_api import AnswerError, EngineApiError, ServerError, TransportError, UnreadableAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

_PAUSES = (0.1, 0.4, 1.6)
"""Seconds between attempts: a connection that broke is back at once, a server that restarts within seconds."""
_TRANSIENT = frozenset({429, 502, 503, 504})


def is_transient(error: EngineApiError) -> bool:
    """Whether the same request may succeed a moment later."""
    return isinstance(error, TransportError) or (isinstance(error, AnswerError) and error.status in _TRANSIENT)


def is_lost(error: EngineApiError) -> bool:
    """Whether the request may have been carried out, and may be repeated where doing it twice is harmless."""
    return is_transient(error) or isinstance(error, UnreadableAnswer)


def is_servers(error: EngineApiError) -> bool:
    """Whether the server, or the way to it, is at fault, and not the request: for requests that cannot be wrong."""
    return is_transient(error) or isinstance(error, ServerError | UnreadableAnswer)


def repeated(action: Callable[[], Result], *, worth: Callable[[EngineApiError], bool] = is_transient) -> Result:
    """Carry out an action that may be carried out twice, up to four times: at most four time limits and two seconds.

    Args:
        action: What to do.
        worth: Which failures to try again after.

    Raises:
        EngineApiError: The last failure, or the first that is not worth another attempt.
    """
    for pause in _PAUSES:
        try:
            return action()
        except EngineApiError as error:
            if not worth(error):
                raise
            time.sleep(pause)
    return action()
