"""What triggers cost in Pulumi, against a dynamic provider that does nothing and against the bare HTTP requests.

    uv run tests/benchmarks/provider.py                            10, 100 and 500 triggers: 25 minutes
    uv run tests/benchmarks/provider.py --counts 10 --rounds 1     a quick look

The floor is what the CLI and the SDK take for as many resources whose provider does nothing. Each operation is measured
on floor and provider one right after the other, in turns which of them first, so that a machine that changes its speed
changes both; what can be repeated is, three times a round. The table shows medians and, of the ratios of such pairs,
the spread. Processor time is that of the CLI and all that it starts, but not of the engine.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from rich.console import Console
from rich.table import Table

from influxdb3_embedded.testing import start_engine
from influxdb3_engine_api import paths
from pulumi_cli import find_or_install

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from influxdb3_embedded.testing import RunningEngine
    from pulumi_cli import PulumiCli

PLUGIN = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"
OPERATIONS = ("up (create)", "up (unchanged)", "preview", "refresh", "destroy")
REPEATABLE = ("up (unchanged)", "preview", "refresh")
REPEATS = 3
GOALS = {"up (create)": 1.15, "up (unchanged)": 1.15, "preview": 1.15, "refresh": 1.3}

NULL_PROVIDER = '''
"""A dynamic provider that does nothing: Pulumi's own floor."""

from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class NullProvider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        return CreateResult(props["trigger_name"], props)


class Null(Resource):
    def __init__(self, name, **props):
        super().__init__(NullProvider(), name, {"trigger_name": name, "disabled": False, **props})
'''
FLOOR = """
import pulumi
from null_provider import Null
for number in range({count}):
    Null(f"t{{number}}", db="d", plugin_filename="w.py", trigger_specification="all_tables",
         trigger_arguments={{"a": "1"}}, trigger_settings={{"run_async": False, "error_behavior": "log"}})
"""
OURS = """
import pulumi
from pulumi_influxdb3_engine import ALL_TABLES, Trigger
for number in range({count}):
    Trigger(f"t{{number}}", db="d", plugin_filename="w.py", trigger_specification=ALL_TABLES,
            trigger_arguments={{"a": "1"}})
"""


class Cost(NamedTuple):
    """Seconds of one operation, by the clock and of the processors."""

    elapsed: float
    processors: float


class Pair(NamedTuple):
    """What one operation costs the floor and the provider, one right after the other."""

    floor: Cost
    ours: Cost


def measured(floor: Stack, ours: Stack, *, ours_first: bool = False) -> Iterator[tuple[str, Pair]]:
    """What the operations cost, in the order in which a stack can go through them."""
    for name in OPERATIONS:
        for _ in range(REPEATS if name in REPEATABLE else 1):
            if ours_first:
                our_cost, floor_cost = cost(ours, name), cost(floor, name)
            else:
                floor_cost, our_cost = cost(floor, name), cost(ours, name)
            yield name, Pair(floor_cost, our_cost)
            ours_first = not ours_first


def cost(stack: Stack, name: str) -> Cost:
    """What one operation takes."""
    operations: dict[str, Callable[[], object]] = {
        "preview": stack.preview,
        "refresh": stack.refresh,
        "destroy": stack.destroy,
    }
    started, used = time.perf_counter(), processor_seconds()
    operations.get(name, stack.up)()
    return Cost(time.perf_counter() - started, processor_seconds() - used)


def processor_seconds() -> float:
    """Of all processes that this one has started and that have ended, and theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def requests_alone(engine: RunningEngine, count: int) -> dict[str, float]:
    """Seconds of the same requests by a plain script, one after the other."""
    triggers: list[dict[str, Any]] = [
        {
            "db": "d",
            "plugin_filename": "w.py",
            "trigger_name": f"t{number}",
            "trigger_settings": {"run_async": False, "error_behavior": "log"},
            "trigger_specification": "all_tables",
            "trigger_arguments": {"a": "1"},
            "disabled": False,
        }
        for number in range(count)
    ]
    with httpx.Client(base_url=engine.url) as http:
        started = time.perf_counter()
        for trigger in triggers:
            http.post(paths.TRIGGER, json=trigger).raise_for_status()
        created = time.perf_counter()
        for table in ("processing_engine_triggers", "processing_engine_trigger_arguments"):
            http.post(paths.QUERY_SQL, json={"db": "d", "q": f"SELECT * FROM system.{table}"}).raise_for_status()
        read = time.perf_counter()
        for trigger in triggers:
            name = {"db": "d", "trigger_name": trigger["trigger_name"]}
            http.post(paths.TRIGGER_DISABLE, params=name).raise_for_status()
            http.delete(paths.TRIGGER, params=name).raise_for_status()
        deleted = time.perf_counter()
    return {"up (create)": created - started, "refresh": read - created, "destroy": deleted - read}


def compiled_modules(directory: Path) -> dict[str, str]:
    """An environment in which Python keeps compiled modules, as it does for users, also where this one forbids it."""
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return ours | {"PYTHONPYCACHEPREFIX": str(directory)}


@dataclass(frozen=True)
class Bench:
    """Where stacks are made: projects below ``directory``, deployed by ``cli`` in ``environment``."""

    directory: Path
    cli: PulumiCli
    engine: RunningEngine
    environment: dict[str, str]

    def pairs(self, name: str, count: int, *, ours_first: bool = False) -> list[tuple[str, Pair]]:
        """What the operations on as many triggers cost, by two new stacks."""
        floor = self._stack(f"{name}/floor", FLOOR.format(count=count))
        ours = self._stack(f"{name}/ours", OURS.format(count=count))
        return list(measured(floor, ours, ours_first=ours_first))

    def _stack(self, name: str, program: str) -> Stack:
        directory = self.directory / name
        stack = Stack(directory, self.cli, self.environment, config={"influxdb3:hostUrl": self.engine.url})
        (directory / "null_provider.py").write_text(NULL_PROVIDER)
        (directory / "__main__.py").write_text(program)
        return stack


def spread(values: list[float]) -> str:
    """Median, and how far the values lie apart."""
    median = f"{statistics.median(values):.2f}"
    return median if len(values) == 1 else f"{median} ({min(values):.2f}-{max(values):.2f})"


def table(count: int, pairs: list[tuple[str, Pair]], alone: dict[str, float]) -> Table:
    """The figures of as many triggers."""
    rows = Table("triggers", "operation", "floor s", "provider s", "ratio", "goal", "of processors", "requests alone s")
    for name in OPERATIONS:
        own = [pair for operation, pair in pairs if operation == name]
        rows.add_row(
            str(count),
            name,
            spread([pair.floor.elapsed for pair in own]),
            spread([pair.ours.elapsed for pair in own]),
            spread([pair.ours.elapsed / pair.floor.elapsed for pair in own]),
            f"{GOALS[name]}" if name in GOALS else "",
            spread([pair.ours.processors / pair.floor.processors for pair in own]),
            f"{alone[name]:.3f}" if name in alone else "",
        )
    return rows


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 100, 500])
    parser.add_argument("--rounds", type=int, help="default: 7 for 10 triggers, 3 for 100 and more")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150)
    cli = find_or_install(report=lambda text: print(text, file=sys.stderr))
    with tempfile.TemporaryDirectory() as temporary, start_engine(Path(temporary) / "engine") as engine:
        engine.client.create_database("d")
        engine.client.create_plugin_file("w.py", PLUGIN)
        bench = Bench(Path(temporary), cli, engine, compiled_modules(Path(temporary) / "bytecode"))
        bench.pairs("first", 1)  # compiles
        for count in arguments.counts:
            rounds = arguments.rounds or max(3, 70 // count)
            pairs: list[tuple[str, Pair]] = []
            for number in range(rounds):
                print(f"{count} triggers, round {number + 1} of {rounds}", file=sys.stderr)
                pairs += bench.pairs(f"{count}-{number}", count, ours_first=bool(number % 2))
            console.print(table(count, pairs, requests_alone(engine, count)))


if __name__ == "__main__":
    main()
