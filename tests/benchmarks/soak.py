"""Runs the embedded engine under a mixed load and shows what grows: ``uv run tests/benchmarks/soak.py --minutes 30``.

The load: Two databases are written to. One keeps its rows, the other has a short retention period. A trigger on writes
derives a row from each row, and is swapped again and again. A request trigger runs queries, and a schedule trigger
writes. One plugin raises, one kills its process, and one loops until the engine's time limit ends it.

The exit status is 0 if each row was stored and derived once, each plugin ran, no bounded figure grew by more than a
fifth, and no process was left behind. Ctrl-C ends the run. Only root may read what the engine's processes use.
"""

from __future__ import annotations

import argparse
import signal
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.table import Table

from influxdb3_embedded.testing import RunningEngine, start_engine
from influxdb3_embedded.testing.plugin_tests import PluginTestEngine
from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.server.engine import Engine
from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from process_tree import descriptors, mebibytes, process_tree
from scenes import is_running, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DERIVE = """
import uuid
def process_writes(influxdb3_local, table_batches, args=None):
    run = uuid.uuid4().hex  # a row that is derived twice becomes two rows
    for batch in table_batches:
        for row in batch["rows"]:
            line = LineBuilder("derived").tag("host", row["host"]).tag("run", run).tag("version", args["version"])
            influxdb3_local.write(line.int64_field("n", row["n"]).time_ns(row["time"]))
"""
COUNT = """
def process_request(influxdb3_local, query, headers, body, args=None):
    calls = influxdb3_local.cache.get("calls", 0) + 1
    influxdb3_local.cache.put("calls", calls)
    rows = influxdb3_local.query("SELECT count(*) AS rows FROM source WHERE time > now() - INTERVAL '5 seconds'")
    return {"calls": calls, "rows": rows[0]["rows"]}
"""
TICK = """
def process_scheduled_call(influxdb3_local, call_time, args=None):
    influxdb3_local.write(LineBuilder("ticks").int64_field("n", 1))
"""
RAISE = """
def process_writes(influxdb3_local, table_batches, args=None):
    raise ValueError("as told")
"""
KILL = """
import os, signal
def process_writes(influxdb3_local, table_batches, args=None):
    os.kill(os.getpid(), signal.SIGKILL)
"""
LOOP = """
def process_writes(influxdb3_local, table_batches, args=None):
    while True: pass
"""

LINES_A_WRITE = 100
SECONDS_BETWEEN_WRITES = 0.05
SECONDS_BETWEEN_CALLS = 0.1
SECONDS_BETWEEN_CRASHES = 1.0
SECONDS_BETWEEN_SWAPS = 10.0
SECONDS_BETWEEN_LOOPS = 20.0
SECONDS_OF_A_LOOP = 4.0
RETENTION = "1m"
SAMPLES = 60
SECONDS_TO_SETTLE = 180.0
"""Until rows have expired, and snapshots of the storage have removed their files."""

LEAST_SAMPLES = 8
MOST_GROWTH = 1.2
SECONDS_TO_STOP = 15.0
INTERRUPTED = 130


class Sample(NamedTuple):
    """The engine at one moment.

    Attributes:
        seconds: Time since the load began.
        memory: MiB of all processes (PSS).
        processes: Number of processes.
        descriptors: Number of open descriptors of all processes.
        log: KiB that the engine has logged to standard error.
        wal: MiB of the write-ahead log.
        kept: MiB of the Parquet files of the database that keeps its rows.
        short: MiB of the Parquet files of the database with a short retention period.
        files: Number of Parquet files of both databases.
        data: MiB of the data directory.
        visible: Rows of the database with a short retention period.
        written: Rows written to the other database, which keeps them.
        stored: Rows that it has.
        derived: Rows that were derived from them.
        swaps: Number of swaps.
    """

    seconds: float
    memory: float
    processes: int
    descriptors: int
    log: float
    wal: float
    kept: float
    short: float
    files: int
    data: float
    visible: int
    written: int
    stored: int
    derived: int
    swaps: int


BOUNDED = ("memory", "processes", "descriptors", "wal", "short", "visible")
UNITS = {"memory": "MiB (PSS)", "log": "KiB", "wal": "MiB", "kept": "MiB", "short": "MiB", "data": "MiB"}


@dataclass
class Load:
    """Threads that use the engine at the same time, each until the load ends or one of them fails.

    Attributes:
        kept: The database that keeps its rows.
        short: The database with a short retention period.
        written: Rows that were written to each of them and acknowledged.
        swaps: Number of swaps.
        failures: Errors that ended a thread.
    """

    kept: PluginTestEngine
    short: PluginTestEngine
    written: int = 0
    swaps: int = 0
    failures: list[Exception] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._provider = Engine(Configuration(host_url=self.kept.url))
        self._triggers = TriggerLogic()
        for name, source in {
            "derive": DERIVE, "count": COUNT, "tick": TICK, "raise": RAISE, "kill": KILL, "loop": LOOP
        }.items():  # fmt: skip
            self.kept.client.create_plugin_file(f"{name}.py", source)
        self._triggers.create(definition(0), self._provider)
        self.kept.create_trigger("count.py", "request:count")
        self.short.create_trigger("tick.py", "every:1s")
        for name in ("raise", "kill"):
            self.short.create_trigger(f"{name}.py", "table:crashes", name=name)
        self.short.create_trigger("loop.py", "table:loops")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Use the engine while the context lasts."""
        threads = [
            threading.Thread(target=self._repeat, args=(work, seconds), daemon=True)
            for work, seconds in (
                (self._write, SECONDS_BETWEEN_WRITES),
                (self._call, SECONDS_BETWEEN_CALLS),
                (lambda: self.short.write("crashes n=1i"), SECONDS_BETWEEN_CRASHES),
                (lambda: self.short.write("loops n=1i"), SECONDS_BETWEEN_LOOPS),
                (self._swap, SECONDS_BETWEEN_SWAPS),
            )
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            deadline = time.monotonic() + SECONDS_TO_STOP
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))

    def wait(self, seconds: float) -> None:
        """Wait, or until a thread fails."""
        self._ended.wait(max(0.0, seconds))

    def _repeat(self, work: Callable[[], None], seconds: float) -> None:
        next_time = time.monotonic()
        while not self._ended.wait(max(0.0, next_time - time.monotonic())):
            next_time += seconds  # after a busy moment of the machine it catches up: the load stays the same
            try:
                work()
            except Exception as error:  # noqa: BLE001 - part of the verdict
                self.failures.append(error)
                self._ended.set()

    def _write(self) -> None:
        now = time.time_ns()
        lines = [f"source,host=h{at % 10} n={at}i {now + at}" for at in range(LINES_A_WRITE)]
        self.kept.write(lines)
        self.written += LINES_A_WRITE
        self.short.write(lines)

    def _call(self) -> None:
        answer = self.kept.client.call_request_trigger("count")
        assert answer.status_code == 200, answer.text

    def _swap(self) -> None:
        self._triggers.update(definition(self.swaps), definition(self.swaps + 1), self._provider)
        self.swaps += 1


def definition(version: int) -> TriggerInputs:
    """A definition of the trigger that is swapped."""
    return TriggerInputs.checked(
        {
            "db": "kept",
            "trigger_name": "derive",
            "plugin_filename": "derive.py",
            "trigger_specification": "table:source",
            "trigger_arguments": {"version": str(version)},
        }
    )


def count(engine: PluginTestEngine, table: str) -> int:
    """Number of rows of a table."""
    rows = engine.query(f"SELECT count(*) AS rows FROM {table}")
    return int(rows[0]["rows"]) if rows else 0


def parquet_sizes(storage: Path) -> list[tuple[int, int]]:
    """Number and bytes of the Parquet files of each database that has some, in the order of their creation."""
    with closing(sqlite3.connect(f"file:{storage / 'storage.sqlite'}?mode=ro", uri=True)) as log:
        return log.execute("SELECT count(*), sum(size) FROM files GROUP BY database_id ORDER BY database_id").fetchall()


def take_sample(running: RunningEngine, load: Load, seconds: float) -> Sample:
    """Look at the engine."""
    pids = process_tree(running.pid)
    memory, handles = mebibytes(pids), descriptors(pids)
    storage = running.directory / "data" / "node0" / "storage"
    sizes = [*parquet_sizes(storage), (0, 0), (0, 0)]
    return Sample(
        seconds=seconds,
        memory=memory,
        processes=len(pids),
        descriptors=handles,
        log=(running.directory / "engine.log").stat().st_size / 1024,
        wal=size(storage.glob("storage.sqlite*")),
        kept=sizes[0][1] / 2**20,
        short=sizes[1][1] / 2**20,
        files=sizes[0][0] + sizes[1][0],
        data=size((running.directory / "data").rglob("*")),
        visible=count(load.short, "source"),
        written=load.written,
        stored=count(load.kept, "source"),
        derived=count(load.kept, "derived"),
        swaps=load.swaps,
    )


def size(paths: Iterator[Path]) -> float:
    """MiB of files."""
    total = 0
    for path in paths:
        with suppress(FileNotFoundError):  # a snapshot deletes it meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total / 2**20


def shown(value: float) -> str:
    """A figure of the tables."""
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def print_row(cells: list[str]) -> None:
    """Print a line of the table over time."""
    print(
        " ".join(f"{cell:>{max(len(name), 9)}}" for cell, name in zip(cells, Sample._fields, strict=True)), flush=True
    )


def soak(running: RunningEngine, load: Load, seconds: float) -> list[Sample]:
    """Run the load, and print a sample now and then."""
    samples = []
    print_row(list(Sample._fields))
    print_row([UNITS.get(name, "") for name in Sample._fields])
    with load.running():
        began = time.monotonic()
        for number in range(SAMPLES + 1):
            load.wait(began + number * seconds / SAMPLES - time.monotonic())
            if load.failures:
                break
            samples.append(take_sample(running, load, time.monotonic() - began))
            print_row([shown(value) for value in samples[-1]])
    return samples


def growth_problems(samples: list[Sample]) -> list[str]:
    """Print how much each figure has grown since it has settled, and return what is wrong."""
    settled = [sample for sample in samples if sample.seconds >= SECONDS_TO_SETTLE]
    if len(settled) < LEAST_SAMPLES:
        print(f"Growth: not measured, the run is too short. It takes {SECONDS_TO_SETTLE:g} seconds to settle.")
        return []
    problems = []
    quarter = len(settled) // 4
    table = Table("", "unit", "first settled", "last", "first quarter", "last quarter", "growth", "highest", "bound")
    for name in Sample._fields[1:]:
        values = [float(getattr(sample, name)) for sample in settled]
        # snapshots free memory and disk now and then: the medians do not depend on how long ago the last one was
        first, last = statistics.median(values[:quarter]), statistics.median(values[-quarter:])
        growth = last / first if first else 1.0
        bound = f"at most {MOST_GROWTH:g}" if name in BOUNDED else ""
        if bound and growth > MOST_GROWTH:
            problems.append(f"{name} grew by a factor of {growth:.2f}")
        figures = [shown(value) for value in (values[0], values[-1], first, last)]
        table.add_row(name, UNITS.get(name, ""), *figures, f"{growth:.2f}", shown(max(values)), bound)
    Console(width=140).print("Growth: median of the last quarter of the settled samples to that of the first", table)
    return problems


def wait_until_derived(load: Load) -> None:
    """Wait until all rows are derived, or for half a minute none was."""
    before = -1
    while before < (derived := count(load.kept, "derived")) < load.written:
        before = derived
        with suppress(AssertionError):
            wait_until(lambda: count(load.kept, "derived") >= load.written)


def row_problems(load: Load) -> list[str]:
    """Print how many rows were lost or derived twice, and return what is wrong."""
    wait_until_derived(load)
    stored, derived = count(load.kept, "source"), count(load.kept, "derived")
    distinct = load.kept.query("SELECT count(*) AS rows FROM (SELECT DISTINCT host, time FROM derived)")
    once = int(distinct[0]["rows"]) if distinct else 0
    print(
        f"Rows: {load.written:,} written, {stored:,} stored, {derived:,} derived in {load.swaps} swaps;"
        f" {load.written - stored} lost, {load.written - once} not derived, {derived - once} derived twice"
    )
    return [] if load.written == stored == derived == once else ["rows are lost or were derived twice"]


def run_problems(load: Load) -> list[str]:
    """Return which plugins did not run as they do in this load."""
    expected = {
        "raise": "error executing wal plugin: ",
        "kill": "killed by signal SIGKILL",
        "loop": "exceeded its time limit",
    }

    def unlogged() -> list[str]:
        return [
            f"trigger {name} did not log '{text}'"
            for name, text in expected.items()
            if not any(text in row.log_text for row in load.short.trigger_log(name))
        ]

    with suppress(AssertionError):
        wait_until(lambda: not unlogged())  # the last runs may still go on
    return [*unlogged(), *([] if count(load.short, "ticks") else ["the schedule trigger wrote nothing"])]


def run(minutes: float) -> int:
    """Run the load for so long, print what it led to, and return the exit status."""
    with tempfile.TemporaryDirectory() as directory:
        with start_engine(Path(directory), plugin_time_limit=SECONDS_OF_A_LOOP) as running:
            load = Load(PluginTestEngine(running, "kept"), PluginTestEngine(running, "short"))
            running.client.update_database("short", RETENTION)
            samples = soak(running, load, minutes * 60)
            problems = [f"{type(failure).__name__}: {failure}" for failure in load.failures]
            problems += [*row_problems(load), *run_problems(load), *growth_problems(samples)]
            pids = process_tree(running.pid)
        with suppress(AssertionError):
            wait_until(lambda: not any(map(is_running, pids)))
        problems += [f"process {pid} was left behind" for pid in pids if is_running(pid)]
    print("\n".join(f"NOT REACHED: {problem}" for problem in problems) or "Verdict: all reached")
    return 1 if problems else 0


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long the load runs")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run(arguments.minutes)
    except KeyboardInterrupt:
        print("Interrupted: no verdict")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
