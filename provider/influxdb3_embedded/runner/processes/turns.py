"""Limits how long the output of plugins occupies the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = 0.002
"""Time for all plugins together before the event loop serves requests. A request takes several such turns."""


class Turns:
    """The time that the event loop spends on the output of plugins, all of them together.

    Whoever has output to handle does so until `over`, and then waits for the next turn.
    """

    def __init__(self) -> None:
        self._end: float | None = None
        self._waiting: deque[Callable[[], None]] = deque()

    @property
    def over(self) -> bool:
        """Whether the current turn is over; the first look begins a turn."""
        if self._end is None:
            self._end = monotonic() + _SECONDS
            asyncio.get_running_loop().call_soon(self._begin_next)
        return monotonic() > self._end

    def wait(self, go_on: Callable[[], None]) -> None:
        """Have a function called in one of the next turns."""
        self._waiting.append(go_on)

    def _begin_next(self) -> None:
        self._end = None
        while self._waiting and not self.over:
            self._waiting.popleft()()
