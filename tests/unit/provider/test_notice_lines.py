"""Notices of resources that are deployed at the same time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from influxdb3_engine_resources.notices import notice

if TYPE_CHECKING:
    import pytest


def test_notices_of_many_threads_are_lines_of_their_own(capfd: pytest.CaptureFixture[str]) -> None:
    started = threading.Barrier(16)

    def say(number: int) -> None:
        started.wait()
        for _ in range(50):
            notice(f"first {number}\nsecond {number}")

    threads = [threading.Thread(target=say, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 16 * 50 * 2
    for first, second in zip(lines[::2], lines[1::2], strict=True):
        number = first.removeprefix("influxdb3: first ")
        assert second == f"    second {number}"
