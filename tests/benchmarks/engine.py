"""Measures the embedded engine against what it is to reach: ``uv run tests/benchmarks/engine.py``.

Each figure is the median of several rounds, with the lowest and the highest beside it. The client runs in processes of
its own and talks HTTP over a plain socket, so that it costs less than what it measures. Everything is measured twice:
on an engine with little in it, and on one with ten times as many triggers and rows.
"""

from __future__ import annotations

import http.client
import multiprocessing
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import track
from rich.table import Table

from influxdb3_embedded.testing import start_engine
from influxdb3_embedded.testing.plugin_tests import PluginTestEngine
from influxdb3_engine_api import paths

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from process_tree import mebibytes, process_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.synchronize import Barrier

ECHO = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return {'ok': True}\n"
DERIVE = """
def process_writes(influxdb3_local, table_batches, args=None):
    for batch in table_batches:
        for row in batch["rows"]:
            line = LineBuilder("derived").tag("host", row["host"]).float64_field("v", row["v"] * 2)
            influxdb3_local.write(line.time_ns(row["time"]))
"""
IDLE = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    pass\n"

STARTS = 3
ROUNDS = 7
CALLS = 200
WRITES = 40
BATCH = 5_000
BATCHES = 8
CONNECTIONS = 16
SECONDS_TO_SETTLE = 2.0

Sizes = dict[str, int]
SMALL: Sizes = {"triggers": 10, "rows": 20_000}
LARGE: Sizes = {name: 10 * size for name, size in SMALL.items()}


@dataclass
class Figure:
    """One thing that is measured.

    Attributes:
        name: What it is.
        unit: Its unit.
        goal: What it is to reach.
        higher_is_better: Whether the goal is a lower bound.
        small: Rounds on an engine with little in it.
        large: Rounds on one with ten times as much.
    """

    name: str
    unit: str
    goal: float
    higher_is_better: bool = False
    small: list[float] = field(default_factory=list)
    large: list[float] = field(default_factory=list)

    @property
    def reached(self) -> bool:
        """Whether the median on the small engine is as it is to be."""
        median = statistics.median(self.small)
        return median >= self.goal if self.higher_is_better else median <= self.goal

    @property
    def growth(self) -> float:
        """How many times worse it is with ten times as much."""
        small, large = statistics.median(self.small), statistics.median(self.large)
        return small / large if self.higher_is_better else large / small


class Caller:
    """One connection to an engine."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)

    def send(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Send a request and return the body of its answer, which has to be a success."""
        self._connection.request(method, path, body)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content


def milliseconds(work: Callable[[], object], times: int) -> float:
    """How long a call takes at the median."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1000


def call_many(url: str, calls: int, start: Barrier) -> None:
    """A process that calls the request trigger on one connection."""
    caller = Caller(url)
    caller.send("GET", paths.engine("echo"))
    start.wait()
    for _ in range(calls):
        caller.send("GET", paths.engine("echo"))


def calls_a_second(url: str, connections: int) -> float:
    """Calls of a request trigger from so many processes with a connection each."""
    start = multiprocessing.Barrier(connections + 1)
    calls = max(CALLS // 2, 2 * CALLS // connections)
    callers = [multiprocessing.Process(target=call_many, args=(url, calls, start)) for _ in range(connections)]
    for caller in callers:
        caller.start()
    start.wait()
    begin = time.perf_counter()
    for caller in callers:
        caller.join()
    return connections * calls / (time.perf_counter() - begin)


def lines(table: str, count: int, host: str = "a") -> bytes:
    """Line protocol of so many points at consecutive nanoseconds from now."""
    now = time.time_ns()
    return "\n".join(f"{table},host={host}{at % 100} v={at}.5,w={at}i {now + at}" for at in range(count)).encode()


def lines_a_second(caller: Caller) -> float:
    """Durable lines in batches, one after the other."""
    batches = [lines("bulk", BATCH) for _ in range(BATCHES)]
    begin = time.perf_counter()
    for batch in batches:
        caller.send("POST", f"{paths.WRITE_LP}?db=test&precision=ns", batch)
    return BATCH * BATCHES / (time.perf_counter() - begin)


def milliseconds_until_derived(caller: Caller, marker: int) -> float:
    """Milliseconds from a write until the row that a trigger derives from it is in a query's answer."""
    query = f"{paths.QUERY_SQL}?db=test&q=SELECT%20v%20FROM%20derived%20WHERE%20host%3D%27m{marker}%27"
    begin = time.perf_counter()
    caller.send("POST", f"{paths.WRITE_LP}?db=test", f"source,host=m{marker} v=1".encode())
    while caller.send("GET", query) == b"[]":
        time.sleep(0.001)
    return (time.perf_counter() - begin) * 1000


@contextmanager
def filled_engine(directory: Path, sizes: Sizes) -> Iterator[PluginTestEngine]:
    """A durable engine with idle triggers and rows in it, and the triggers that are measured."""
    with start_engine(directory) as running:
        engine = PluginTestEngine(running, "test")
        for name, content in (("echo.py", ECHO), ("derive.py", DERIVE), ("idle.py", IDLE)):
            engine.client.create_plugin_file(name, content)
        for number in range(sizes["triggers"]):
            engine.create_trigger("idle.py", "every:1d", name=f"idle{number}")
        for begin in range(0, sizes["rows"], BATCH):
            engine.write(lines(f"filling{begin % 4}", BATCH).decode())
        engine.create_trigger("echo.py", "request:echo")
        engine.create_trigger("derive.py", "table:source")
        engine.write("source,host=first v=1")
        engine.wait_for_rows("SELECT v FROM derived")
        yield engine


def start_figures(sizes: Sizes) -> Iterator[tuple[str, float]]:
    """How long an engine takes to its first answer, and what it then takes of memory.

    Args:
        sizes: What is in it; nothing for the small one.
    """
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        if sizes is LARGE:
            with filled_engine(directory, sizes):
                pass
        begin = time.perf_counter()
        with start_engine(directory) as running:
            Caller(running.url).send("GET", paths.HEALTH)
            yield "start", time.perf_counter() - begin
            time.sleep(SECONDS_TO_SETTLE)
            yield "memory", mebibytes(process_tree(running.pid))


def traffic_figures(engine: PluginTestEngine, round_: int) -> Iterator[tuple[str, float]]:
    """What an engine does, once."""
    caller = Caller(engine.url)
    yield "call", milliseconds(lambda: caller.send("GET", paths.engine("echo")), CALLS)
    yield "calls", calls_a_second(engine.url, 1)
    yield "calls16", calls_a_second(engine.url, CONNECTIONS)
    write_one = f"{paths.WRITE_LP}?db=test"
    yield "write", milliseconds(lambda: caller.send("POST", write_one, lines("single", 1)), WRITES)
    markers = range(10 * round_, 10 * round_ + 10)
    yield "derived", statistics.median(milliseconds_until_derived(caller, marker) for marker in markers)
    yield "lines", lines_a_second(caller)


def measure(figures: dict[str, Figure]) -> None:
    """Measure everything on both sizes in turn, so that a busy moment of the machine hits both."""

    def note(sizes: Sizes, measured: Iterator[tuple[str, float]]) -> None:
        for name, value in measured:
            (figures[name].large if sizes is LARGE else figures[name].small).append(value)

    for _ in track(range(STARTS), "starts", console=Console(stderr=True), transient=True):
        for sizes in (SMALL, LARGE):
            note(sizes, start_figures(sizes))
    with tempfile.TemporaryDirectory() as directory, ExitStack() as engines:
        filled = [
            (sizes, engines.enter_context(filled_engine(Path(directory) / name, sizes)))
            for name, sizes in (("small", SMALL), ("large", LARGE))
        ]
        for round_ in track(range(ROUNDS), "traffic", console=Console(stderr=True), transient=True):
            for sizes, engine in filled:
                note(sizes, traffic_figures(engine, round_))


def shown(values: list[float]) -> str:
    """Median and spread."""
    digits = 0 if statistics.median(values) >= 100 else 2
    low, median, high = (f"{value:,.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{median}  ({low} - {high})"


def main() -> None:
    """Measure and print one table."""
    figures = {
        "call": Figure("request call, median", "ms", 1.5),
        "calls": Figure("request calls, 1 connection", "1/s", 667, higher_is_better=True),  # one in 1.5 ms
        "calls16": Figure(f"request calls, {CONNECTIONS} connections", "1/s", 2_000, higher_is_better=True),
        "write": Figure("durable write of one line, median", "ms", 20),
        "derived": Figure("derived row visible after the write", "ms", 50),
        "lines": Figure(f"durable lines in batches of {BATCH:,}", "1/s", 150_000, higher_is_better=True),
        "start": Figure("start to first answer", "s", 1),
        "memory": Figure("memory at rest", "MiB", 150),
    }
    measure(figures)
    table = Table(
        "", "unit", "goal", f"median (spread)\n{SMALL['triggers']} triggers", "ten times as much", "growth", "reached"
    )
    for figure in figures.values():
        bound = "at least" if figure.higher_is_better else "at most"
        growth = f"{figure.growth:.2f}" + ("" if figure.growth <= 2 else " !")
        reached = "yes" if figure.reached else "NO"
        goal = f"{bound} {figure.goal:,g}"
        table.add_row(figure.name, figure.unit, goal, shown(figure.small), shown(figure.large), growth, reached)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
