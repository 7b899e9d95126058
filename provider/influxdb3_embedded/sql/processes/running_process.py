"""The engine's handle of a query process."""

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
    """A process ended while it ran a query.

    Attributes:
        stderr: What it wrote to its standard error.
        status: Its wait status, or None if the zygote ended too.
    """

    def __init__(self, stderr: str, status: int | None) -> None:
        super().__init__(stderr)
        self.stderr = stderr
        self.status = status

    @property
    def was_killed(self) -> bool:
        """Whether a signal from outside has ended the process or the zygote."""
        return self.status is None or self.status == signal.SIGKILL


class SqlProcess:
    """A query process. `ZygoteClient.fork` makes it.

    Args:
        tell_zygote: Tells the zygote to ``end`` or ``nice`` the process.
        channel: The channel to the process. `end` closes it.
        report: The pipe of its report. `end` closes it.
        pid: Its process id.

    Attributes:
        usable: Whether it may run another query.
        niceness: Its niceness, from 0 to 19.
        killed: Whether the engine has killed it.
    """

    def __init__(self, tell_zygote: Callable[[str, int, int], None], channel: Channel, report: int, pid: int) -> None:
        self.usable = True
        self.niceness = 0
        self.killed = False
        self._channel = channel
        self._tell_zygote = tell_zygote
        self._report = report
        self._pid = pid
        self._reported = b""
        self._poll = select.poll()
        self._poll.register(channel.fileno(), select.POLLIN)
        self._poll.register(report, select.POLLIN)

    @property
    def waits(self) -> bool:
        """Whether the process lives and waits for a query."""
        return not self._poll.poll(0)

    def wait(self, timeout: float) -> Message:
        """Wait for the next message of the process, or for a tick in its report.

        Args:
            timeout: Seconds.

        Raises:
            TimeoutError: Nothing came in time.
            ProcessEnded: The process ended.
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
        """Send a message to the process, as `Channel.send`.

        Raises:
            ProcessEnded: The process ended.
        """
        try:
            self._channel.send(content, attachment, descriptor)
        except ConnectionError:
            raise self._ended() from None

    def kill(self) -> None:
        """Kill the process without waiting. Thread-safe."""
        self.killed = True
        self._tell_zygote("end", self._pid, 0)

    def be_nice(self, niceness: int) -> None:
        """Raise the niceness of the process. A lower niceness than the present one changes nothing.

        Args:
            niceness: From 0 to 19.
        """
        if niceness > self.niceness:
            self.niceness = niceness
            self._tell_zygote("nice", self._pid, niceness)

    def end(self) -> None:
        """Kill the process and close its channel and report."""
        self.kill()
        self._channel.close()
        os.close(self._report)

    def _ended(self) -> ProcessEnded:
        while self._read():
            pass
        stderr, _, status = self._reported.decode(errors="replace").rpartition("\n")
        return ProcessEnded(stderr, int(status)) if status.isdigit() else ProcessEnded(stderr + status, None)

    def _read(self) -> bytes:
        data = os.read(self._report, _MOST_REPORTED)
        self._reported = (self._reported + data)[-_MOST_REPORTED:]
        return data
