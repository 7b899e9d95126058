"""A process that runs SQL, as the engine sees it."""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING, Any

from influxdb3_embedded.sql.processes.channel import TICK, Channel, Message

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_REPORTED = 1 << 16


class ProcessEnded(Exception):
    """A process ended in the middle of a query.

    Attributes:
        said: Its standard error.
        status: Its wait status; None if its zygote ended too.
    """

    def __init__(self, said: str, status: int | None) -> None:
        super().__init__(said)
        self.said = said
        self.status = status

    @property
    def was_killed(self) -> bool:
        """Whether somebody else has ended it, or its zygote."""
        return self.status is None or self.status == signal.SIGKILL


class SqlProcess:
    """A process that runs one query at a time. Made by `ZygoteClient.fork`.

    Args:
        tell_zygote: Has its parent ``end`` or ``nice`` it.
        channel: The way to it; closed by `end`.
        report: The pipe of its report; closed by `end`.
        pid: Its process id.

    Attributes:
        usable: Whether it is to be given another query.
        niceness: How much it lets others go first.
        killed: Whether it is about to end.
    """

    def __init__(self, tell_zygote: Callable[[str, int, int], None], channel: Channel, report: int, pid: int) -> None:
        self.usable = True
        self.niceness = 0
        self.killed = False
        self._channel = channel
        self._tell_zygote = tell_zygote
        self._report = report
        self._pid = pid
        self._said = b""
        self._poll = select.poll()
        self._poll.register(channel.fileno(), select.POLLIN)
        self._poll.register(report, select.POLLIN)

    @property
    def waits(self) -> bool:
        """Whether it lives and waits for a query."""
        return not self._poll.poll(0)

    def wait(self, timeout: float) -> Message:
        """Wait for its next message; ``tick`` if its report has one.

        Args:
            timeout: Seconds.

        Raises:
            TimeoutError: It says nothing.
            ProcessEnded: It ended.
        """
        while ready := dict(self._poll.poll(timeout * 1000)):
            if self._channel.fileno() in ready:
                try:
                    return self._channel.receive()
                except (EOFError, ConnectionError):
                    raise self._ended() from None
            if not (data := self._read()):
                raise self._ended()
            if TICK in data:
                return Message({"op": "tick"})
        raise TimeoutError

    def send(self, content: dict[str, Any], attachment: bytes = b"", descriptor: int | None = None) -> None:
        """Send it a message, as `Channel.send`.

        Raises:
            ProcessEnded: It ended.
        """
        try:
            self._channel.send(content, attachment, descriptor)
        except ConnectionError:
            raise self._ended() from None

    def kill(self) -> None:
        """End it without waiting; in any thread."""
        self.killed = True
        self._tell_zygote("end", self._pid, 0)

    def be_nice(self, niceness: int) -> None:
        """Let others go first from now on.

        Args:
            niceness: From 0 to 19; never lower than before.
        """
        if niceness > self.niceness:
            self.niceness = niceness
            self._tell_zygote("nice", self._pid, niceness)

    def end(self) -> None:
        """End it; it is not used any more."""
        self.kill()
        self._channel.close()
        os.close(self._report)

    def _ended(self) -> ProcessEnded:
        while self._read():
            pass
        said, _, status = self._said.decode(errors="replace").rpartition("\n")
        return ProcessEnded(said, int(status)) if status.isdigit() else ProcessEnded(said + status, None)

    def _read(self) -> bytes:
        data = os.read(self._report, _MOST_REPORTED)
        self._said = (self._said + data)[-_MOST_REPORTED:]
        return data
