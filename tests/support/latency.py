"""How long a server takes to answer ``/health`` while something else is done to it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS_BETWEEN_REQUESTS = 0.01
_MOST_SECONDS = 60.0


@dataclass
class Latency:
    """Seconds that answers took; there once the context has ended.

    Attributes:
        all: Of each request, in order.
    """

    all: list[float] = field(default_factory=list)

    @property
    def worst(self) -> float:
        """The longest."""
        return max(self.all)


@contextmanager
def watched_health(url: str) -> Iterator[Latency]:
    """Ask for ``/health`` all the time while the context lasts, alternately on a new connection and on a kept one.

    A process of its own asks: what the test does meanwhile takes no time from it.

    Raises:
        AssertionError: An answer was another one than ``200 OK``, or none came within a minute.
    """
    latency = Latency()
    command = [sys.executable, str(Path(__file__)), *url.removeprefix("http://").rsplit(":", 1)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdin is not None
        assert asking.stdout is not None
        assert asking.stdout.readline() == "asking\n"
        try:
            yield latency
        finally:
            asking.stdin.close()
            said = asking.stdout.read()
    assert asking.returncode == 0, said
    latency.all += map(float, said.split())


def _ask(host: str, port: int) -> None:
    import http.client  # noqa: PLC0415 - only the process that asks needs these
    import select  # noqa: PLC0415
    import time  # noqa: PLC0415

    kept = http.client.HTTPConnection(host, port, timeout=_MOST_SECONDS)
    seconds: list[float] = []
    while not (seconds and select.select([sys.stdin], [], [], _SECONDS_BETWEEN_REQUESTS)[0]):
        connection = kept if len(seconds) % 2 else http.client.HTTPConnection(host, port, timeout=_MOST_SECONDS)
        begin = time.monotonic()
        connection.request("GET", "/health")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"OK")
        seconds.append(time.monotonic() - begin)
        if connection is not kept:
            connection.close()
        if len(seconds) == 2:
            print("asking", flush=True)
    print(*seconds)


if __name__ == "__main__":
    _ask(sys.argv[1], int(sys.argv[2]))
