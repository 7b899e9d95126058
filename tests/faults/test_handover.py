"""A trigger on writes changes while rows come in: one definition processes each row, once.

``INFLUXDB3_SERVER`` names the program of a real server. ``ROWS_A_SECOND`` sets how fast rows come in.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from scenes import wait_until
from servers import PROGRAM, start_server

from influxdb3_engine_api import BadRequest
from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.server.engine import Engine
from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS_A_SECOND = int(os.environ.get("ROWS_A_SECOND", "150"))
SWAPS = 4
SECONDS_FOR_A_SECOND_DELIVERY = 2.5 if PROGRAM else 0.5
TRIGGERS = TriggerLogic()
RECORD = """\
import time, uuid
def process_writes(influxdb3_local, table_batches, args=None):
    run = uuid.uuid4().hex
    time.sleep(float(args.get("seconds", "0")))
    for batch in table_batches:
        if batch["table_name"] == "m":
            for row in batch["rows"]:
                line = LineBuilder("seen").tag("run", run).tag("n", str(row["n"]))
                line = line.tag("v", args["v"]).tag("w", args["w"])
                # each definition makes a column
                influxdb3_local.write(line.int64_field("x" + args["v"], 1))
"""


class Writer:
    """Writes numbered rows, one per request, until the context ends."""

    def __init__(self, engine: Engine) -> None:
        self.written = 0
        self._client = engine.client
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        began = time.monotonic()
        while not self._stop.is_set():
            # a real server answers a durable write with its next flush
            self._client.write_lp("d", f"m n={self.written}i", no_sync=PROGRAM is not None or self.written % 2 == 0)
            self.written += 1
            time.sleep(max(0.0, began + self.written / ROWS_A_SECOND - time.monotonic()))

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with start_server(tmp_path) as server:
        engine = Engine(Configuration(host_url=server.url))
        engine.client.create_database("d")
        engine.client.create_plugin_file("record.py", RECORD)
        engine.client.write_lp("d", "m n=-1i\nseen,run=x,n=-1,v=x,w=x x0=1i")
        yield engine


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Run processes that use all processor time, while the context lasts."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def trigger(version: int, name: str = "w", /, **properties: object) -> TriggerInputs:
    inputs = {
        "db": "d",
        "trigger_name": name,
        "plugin_filename": "record.py",
        "trigger_specification": "table:m",
        "trigger_arguments": {"v": str(version), "w": name},
    }
    return TriggerInputs.checked(inputs | properties)


def seen(engine: Engine, name: str = "w") -> Counter[int]:
    """How often each row was processed."""
    try:
        rows = engine.client.query_sql("d", "SELECT n FROM seen WHERE w = $name", {"name": name})
    except BadRequest as error:
        if "not found" not in str(error):
            raise
        return Counter()  # no table yet
    return Counter(int(row["n"]) for row in rows)


def settled(engine: Engine, written: int, name: str = "w") -> tuple[int, int]:
    """Wait until no more rows come. Returns how many rows were lost, and how many were processed more than once."""
    deadline = time.monotonic() + 20
    while len(seen(engine, name)) < written and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(SECONDS_FOR_A_SECOND_DELIVERY)
    counts = seen(engine, name)
    assert set(counts) <= set(range(written))
    return written - len(counts), sum(count > 1 for count in counts.values())


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "properties", [{}, {"trigger_specification": "all_tables"}, {"trigger_settings": {"run_async": True}}]
)
@pytest.mark.parametrize("others", [0, 2 * (os.cpu_count() or 1)], ids=["alone", "under load"])
def test_swaps_under_writes_lose_no_row_and_process_none_twice(
    engine: Engine, others: int, properties: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    TRIGGERS.create(trigger(0, **properties), engine)
    with load(others), Writer(engine) as writer:
        began = time.monotonic()
        time.sleep(1)
        for version in range(SWAPS):
            TRIGGERS.update(trigger(version, **properties), trigger(version + 1, **properties), engine)
            time.sleep(0.7)
        rate = writer.written / (time.monotonic() - began)
    lost, twice = settled(engine, writer.written)
    versions = {row["v"] for row in engine.client.query_sql("d", "SELECT DISTINCT v FROM seen WHERE w = 'w'")}
    with capsys.disabled():
        print(f"\n{writer.written} rows, {rate:.0f} a second, {SWAPS} swaps: {lost} lost, {twice} processed twice")
    assert (lost, twice) == (0, 0)
    # a real server may flush no rows while a definition in between is live
    assert versions == {str(version) for version in range(SWAPS + 1)} or (PROGRAM and str(SWAPS) in versions)
    assert [row.trigger_name for row in engine.client.triggers("d")] == ["w"]


@pytest.mark.timeout(180)
def test_triggers_that_a_deployment_changes_at_once_lose_no_row_and_process_none_twice(engine: Engine) -> None:
    names = [f"w{number}" for number in range(4)]
    for name in names:
        TRIGGERS.create(trigger(0, name), engine)

    def update(name: str) -> None:
        TRIGGERS.update(trigger(0, name), trigger(1, name), engine)

    with Writer(engine) as writer, ThreadPoolExecutor(len(names)) as deployment:
        time.sleep(2)
        list(deployment.map(update, names))
        time.sleep(1)
    assert {name: settled(engine, writer.written, name) for name in names} == dict.fromkeys(names, (0, 0))


@pytest.mark.timeout(180)
def test_a_plugin_that_is_always_behind_loses_nothing_in_a_swap(engine: Engine) -> None:
    slow = trigger(0, trigger_arguments={"v": "0", "w": "w", "seconds": "0.6"})
    TRIGGERS.create(slow, engine)
    with Writer(engine) as writer:
        time.sleep(2)
        TRIGGERS.update(slow, trigger(1), engine)
        time.sleep(1)
    assert settled(engine, writer.written) == (0, 0)


def test_a_cut_says_when_writes_were_not_processed(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    TRIGGERS.create(trigger(0), engine)
    with Writer(engine) as writer:
        time.sleep(1)
        TRIGGERS.update(trigger(0), trigger(1, handover="cut"), engine)
        written = writer.written
        wait_until(lambda: max(seen(engine)) > written)
    notices = capsys.readouterr().err
    assert re.search(r"writes between \d{4}-\S+ \S+ UTC and \S+ \S+ UTC may not have been processed", notices), notices
    lost, twice = settled(engine, writer.written)
    assert (lost < ROWS_A_SECOND * 3, twice) == (True, 0)


def test_what_was_written_before_a_trigger_is_disabled_is_processed(engine: Engine) -> None:
    TRIGGERS.create(trigger(0), engine)
    with Writer(engine) as writer:
        time.sleep(1.5)
    if PROGRAM:
        time.sleep(1.5)  # a server that flushes once a second has not queued the last rows yet
    TRIGGERS.update(trigger(0), trigger(0, disabled=True), engine)
    assert settled(engine, writer.written) == (0, 0)
