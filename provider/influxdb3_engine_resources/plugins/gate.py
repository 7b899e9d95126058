"""Dry runs before a change: new code must pass them before live code is touched."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal, NotRequired

from pydantic import AfterValidator
from typing_extensions import TypedDict

from influxdb3_engine_api import AnswerLost, EngineApiError, PluginType
from influxdb3_engine_api.cron import parse_cron
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_api.wire import TestSchedulePlugin, TestWalPlugin
from influxdb3_engine_resources.errors import Failure, ProbeFailed, ResourceError
from influxdb3_engine_resources.names import DatabaseName  # noqa: TC001 - pydantic reads the annotation at run time
from influxdb3_engine_resources.plugins.expectations import ExpectedWrites, expression, mismatches, point
from influxdb3_engine_resources.server.on_server import SHIM, shim
from influxdb3_engine_resources.server.remedies import with_remedy

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from influxdb3_engine_api import DryRunResult
    from influxdb3_engine_resources.plugins.source import SourceOutline
    from influxdb3_engine_resources.server.engine import Engine
    from influxdb3_engine_resources.server.host import Host

_LAST_LOG_LINES = 20


def _expected(writes: ExpectedWrites) -> ExpectedWrites:
    for lines in writes.values() if isinstance(writes, dict) else [writes]:
        for number, line in enumerate(lines, 1):
            try:
                if expression(line) is None:
                    point(line)
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
    return writes


def _portable(schedule: str) -> str:
    return parse_cron(schedule).portable


class DryRunInputs(TypedDict):
    """One dry run as a property.

    Attributes:
        kind: The kind of entry point.
        input_lp: Line protocol for a WAL plugin.
        schedule: Cron expression; a schedule plugin gets its next time.
        arguments: The ``args`` of the plugin.
        database: The database that the plugin runs in.
        expect_writes: The lines that the plugin should write.
    """

    kind: Literal["wal", "schedule"]
    input_lp: NotRequired[str]
    schedule: NotRequired[Annotated[str, AfterValidator(_portable)]]
    arguments: NotRequired[dict[str, str]]
    database: NotRequired[DatabaseName]
    expect_writes: NotRequired[Annotated[ExpectedWrites, AfterValidator(_expected)]]


_ENTRY = {"wal": PluginType.WAL, "schedule": PluginType.SCHEDULE}


def missing_entry_points(tests: Collection[DryRunInputs], source: SourceOutline) -> list[Failure]:
    """A failure for each dry run that calls an entry point which the plugin lacks."""
    problems = [(number, source.problem(_ENTRY[test["kind"]])) for number, test in enumerate(tests)]
    return [Failure(property=f"test[{number}]", reason=problem) for number, problem in problems if problem]


class Gate:
    """Dry runs of new code on every host.

    Args:
        engine: The server.
        tests: The dry runs.
    """

    def __init__(self, engine: Engine, tests: Collection[DryRunInputs]) -> None:
        self._engine = engine
        self._tests = tests

    def check_file(self, candidate: str, content: str) -> None:
        """Dry-run a plugin file under another path: one request to write it, and one for each dry run.

        Args:
            candidate: Path below the plugin directory; no trigger runs it.
            content: The plugin.

        Raises:
            ResourceError: A dry run failed; says why, with the plugin's own log lines.
        """
        for host in self._engine.hosts:
            with _failures_of(host):
                host.write_file(candidate, content)
            for number, test in enumerate(self._tests, 1):
                with _failures_of(host):
                    result = self._run(host, test, candidate, test.get("arguments"))
                self._check(host, number, test, result)

    def check_directory(self, directory: str) -> None:
        """Dry-run a plugin directory on the hosts through the shim.

        Args:
            directory: Path below the plugin directory; no trigger runs it.

        Raises:
            ResourceError: A dry run failed; says why, with the plugin's own log lines.
        """
        for host in self._engine.hosts:
            for number, test in enumerate(self._tests, 1):
                with _failures_of(host):
                    result = self._run_shim(host, test, f"{host.probe.plugin_directory}/{directory}")
                self._check(host, number, test, result)

    def _run_shim(self, host: Host, test: DryRunInputs, package: str) -> DryRunResult:
        arguments = test.get("arguments", {}) | {shim.PACKAGE: package}
        return SHIM.run(host.client, lambda: self._run(host, test, SHIM.file_name, arguments))

    def _run(self, host: Host, test: DryRunInputs, filename: str, arguments: dict[str, str] | None) -> DryRunResult:
        # tries once: everything that a plugin does besides writing is real (contract section 6)
        database = self._database(test)
        if test["kind"] == "wal":
            wal = TestWalPlugin(
                filename=filename, database=database, input_lp=test.get("input_lp", ""), input_arguments=arguments
            )
            return host.client.test_wal_plugin(wal)
        schedule = TestSchedulePlugin(
            filename=filename, database=database, schedule=test.get("schedule"), input_arguments=arguments
        )
        return host.client.test_schedule_plugin(schedule)

    def _database(self, test: DryRunInputs) -> str:
        # a schedule plugin needs a database that exists, and a WAL plugin only a valid name
        default = "dry_run" if test["kind"] == "wal" else "_internal"
        return test.get("database") or self._engine.configuration.database or default

    def _check(self, host: Host, number: int, test: DryRunInputs, result: DryRunResult) -> None:
        problems = result.errors + [line for line in result.log_lines if line.startswith("ERROR: ")]
        if not problems and "expect_writes" in test:
            problems = mismatches(test["expect_writes"], result.database_writes, self._database(test))
        if problems:
            logged = shown("\n".join(result.log_lines[-_LAST_LOG_LINES:]))
            raise ResourceError(
                f"dry run {number} ({test['kind']}) on {host.url} failed: {shown('; '.join(problems))}"
                + (f"\n  It logged:\n    {logged}" if logged else "")
            )


@contextmanager
def _failures_of(host: Host) -> Iterator[None]:
    try:
        yield
    except AnswerLost as error:
        raise ResourceError(
            f"a dry run on {host.url} did not end in time, raise influxdb3:timeout: {with_remedy(error)}"
        ) from error
    except EngineApiError as error:
        raise ResourceError(f"a dry run on {host.url} was not possible: {with_remedy(error)}") from error
    except ProbeFailed as error:
        raise ResourceError(f"a dry run on {host.url} was not possible: {error}") from error
