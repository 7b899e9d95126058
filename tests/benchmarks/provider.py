"""What triggers cost in Pulumi, against a dynamic provider that does nothing and against the bare HTTP requests.

    uv run tests/benchmarks/provider.py                            10, 100 and 500 triggers: 20 minutes
    uv run tests/benchmarks/provider.py --counts 10 --rounds 1     a quick look

The floor is what the CLI and the SDK take for as many resources whose provider does nothing. A round measures floor and
provider one after the other, in turns which of them first; the table shows the median of the rounds' ratios and their
spread. Fewer triggers get more rounds: what is short is disturbed more. Processor time is that of the CLI and all
that it starts, but not of the engine.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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


def operations(stack: Stack) -> Iterator[tuple[str, Callable[[], object]]]:
    """The operations in the order in which one stack can go through them."""
    yield from zip(OPERATIONS, (stack.up, stack.up, stack.preview, stack.refresh, stack.destroy), strict=True)


def measured(stack: Stack) -> dict[str, Cost]:
    """What each operation takes."""
    costs = {}
    for name, operation in operations(stack):
        started, used = time.perf_counter(), processor_seconds()
        operation()
        costs[name] = Cost(time.perf_counter() - started, processor_seconds() - used)
    return costs


def processor_seconds() -> float:
    """Of all processes that this one has started and that have ended, and theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def requests_alone(engine: RunningEngine, count: int) -> dict[str, float]:
    """Seconds of the same requests by a plain script, one after the other."""
    triggers = [
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


def stack_of(
    directory: Path, cli: PulumiCli, engine: RunningEngine, program: str, environment: dict[str, str]
) -> Stack:
    """A stack that is ready to be deployed."""
    stack = Stack(directory, cli, environment, config={"influxdb3:hostUrl": engine.url})
    (directory / "null_provider.py").write_text(NULL_PROVIDER)
    (directory / "__main__.py").write_text(program)
    return stack


def spread(values: list[float], digits: int = 2) -> str:
    """Median, and how far the rounds lie apart."""
    median = f"{statistics.median(values):.{digits}f}"
    return median if len(values) == 1 else f"{median} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[10, 100, 500])
    parser.add_argument("--rounds", type=int, help="default: 15 for 10 triggers, 3 for 100 and more")
    arguments = parser.parse_args()
    cli = find_or_install(report=lambda text: print(text, file=sys.stderr))
    table = Table(
        "triggers", "operation", "floor s", "provider s", "ratio", "goal", "of processors", "requests alone s"
    )
    with tempfile.TemporaryDirectory() as temporary, start_engine(Path(temporary) / "engine") as engine:
        engine.client.create_database("d")
        engine.client.create_plugin_file("w.py", PLUGIN)
        environment = compiled_modules(Path(temporary) / "bytecode")
        for program in (FLOOR, OURS):  # compiles
            measured(stack_of(Path(temporary) / "first", cli, engine, program.format(count=1), environment))
        for count in arguments.counts:
            costs: dict[str, list[dict[str, Cost]]] = {FLOOR: [], OURS: []}
            for number in range(arguments.rounds or max(3, 150 // count)):
                print(f"{count} triggers, round {number + 1}", file=sys.stderr)
                for program in (FLOOR, OURS) if number % 2 else (OURS, FLOOR):
                    directory = Path(temporary) / f"{count}-{number}" / ("ours" if program is OURS else "floor")
                    costs[program].append(
                        measured(stack_of(directory, cli, engine, program.format(count=count), environment))
                    )
            alone = requests_alone(engine, count)
            for name in OPERATIONS:
                floor, our = ([each[name] for each in costs[program]] for program in (FLOOR, OURS))
                pairs = list(zip(our, floor, strict=True))
                table.add_row(
                    str(count),
                    name,
                    spread([cost.elapsed for cost in floor]),
                    spread([cost.elapsed for cost in our]),
                    spread([one.elapsed / other.elapsed for one, other in pairs]),
                    f"{GOALS[name]}" if name in GOALS else "",
                    spread([one.processors / other.processors for one, other in pairs]),
                    f"{alone[name]:.3f}" if name in alone else "",
                )
    Console().print(table)


if __name__ == "__main__":
    main()
