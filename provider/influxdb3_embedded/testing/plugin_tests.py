"""Helps tests of plugins: uploads plugins, creates triggers, writes, waits, queries."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from influxdb3_embedded.testing import start_engine
from influxdb3_engine_api import CreateTrigger, ErrorBehavior, TriggerSettings
from influxdb3_engine_api.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine, Setting
    from influxdb3_engine_api import EngineClient
    from influxdb3_engine_api.client import Scalar
    from influxdb3_engine_api.wire import LogRow

_SECONDS_TO_WAIT = 10.0
_SECONDS_BETWEEN_LOOKS = 0.01
_MOST_LOG_ROWS = 10_000
_ENDS_OF_RUNS = (
    "finished execution in ",
    "error executing wal plugin: ",
    "error executing schedule plugin: ",
    "error running request plugin: ",
)
_NOT_THE_END = ": error writing back lines to "
"""Part of a row about the lines of a run. A further row is about the end of the run."""


class TimedOut(AssertionError):
    """What a test waited for did not happen in time. The text says what happened, and what the triggers logged."""


class PluginTestEngine:
    """A fresh engine in memory with one database.

    Args:
        engine: The engine.
        database: The database that the methods use. The constructor creates it.

    Attributes:
        client: Client with every operation of the API.
        database: The database that the methods use.
    """

    def __init__(self, engine: RunningEngine, database: str) -> None:
        self._engine = engine
        self.client: EngineClient = engine.client
        self.database = database
        self.client.create_database(database)

    @property
    def url(self) -> str:
        """URL of the engine."""
        return self._engine.url

    @property
    def plugin_dir(self) -> Path:
        """Directory of the plugins."""
        return self._engine.plugin_dir

    def upload(self, source: Path) -> str:
        """Copy a plugin to the engine.

        Args:
            source: A file, or a directory with ``__init__.py``.

        Returns:
            Name of the plugin, for `create_trigger`.
        """
        if not source.is_dir():
            self.client.create_plugin_file(source.name, source.read_text("utf-8"))
            return source.name
        # __init__.py comes last, because it makes the directory a plugin
        files = sorted(source.rglob("*"), key=lambda file: (file == source / "__init__.py", file))
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                name = f"{source.name}/{file.relative_to(source).as_posix()}"
                self.client.create_plugin_file(name, file.read_text("utf-8"))
        return source.name

    def create_trigger(
        self,
        plugin: str,
        specification: str,
        *,
        name: str | None = None,
        arguments: Mapping[str, str] | None = None,
        run_async: bool = False,
        error_behavior: ErrorBehavior = ErrorBehavior.LOG,
    ) -> str:
        """Create and start a trigger.

        Args:
            plugin: Name of the plugin, as `upload` returns it.
            specification: When the trigger runs, such as ``table:cpu``, ``every:1s`` or ``request:report``.
            name: Name of the trigger. Default: name of the plugin without ``.py``.
            arguments: What the plugin gets as ``args``.
            run_async: Whether runs may overlap.
            error_behavior: What happens after a failed run.

        Returns:
            Name of the trigger.
        """
        name = plugin.removesuffix(".py") if name is None else name
        self.client.create_trigger(
            CreateTrigger(
                db=self.database,
                plugin_filename=plugin,
                trigger_name=name,
                trigger_settings=TriggerSettings(run_async=run_async, error_behavior=error_behavior),
                trigger_specification=specification,
                trigger_arguments=None if arguments is None else dict(arguments),
                disabled=False,
            )
        )
        return name

    def write(self, lines: str | Iterable[str]) -> None:
        """Write line protocol: all lines or none. Does not wait for the runs that the write triggers."""
        text = lines if isinstance(lines, str) else "\n".join(lines)
        self.client.write_lp(self.database, text, accept_partial=False)

    def query(self, sql: str, params: Mapping[str, Scalar] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a query, without NULL columns. No rows if the table does not exist yet."""
        try:
            return self.client.query_sql(self.database, sql, params)
        except BadRequest as error:
            if error.text.startswith("Error during planning: table '") and error.text.endswith("' not found"):
                return []
            raise

    def wait_for_rows(
        self, sql: str, params: Mapping[str, Scalar] | None = None, *, count: int = 1, seconds: float = _SECONDS_TO_WAIT
    ) -> list[dict[str, Any]]:
        """Repeat a query until it returns rows.

        Args:
            sql: The query.
            params: Values of the ``$name`` placeholders.
            count: Smallest number of rows to wait for.
            seconds: How long to wait.

        Raises:
            TimedOut: The query returns fewer rows.
        """
        deadline = time.monotonic() + seconds
        while len(rows := self.query(sql, params)) < count:
            if time.monotonic() > deadline:
                raise TimedOut(f"{len(rows)} rows instead of {count} after {seconds:g} s: {rows}\n{self._all_logs()}")
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return rows

    def wait_for_runs(self, trigger: str, count: int = 1, *, seconds: float = _SECONDS_TO_WAIT) -> None:
        """Wait until runs of a trigger have ended, with success or failure.

        Args:
            trigger: Name of the trigger.
            count: Number of runs since the start of the engine.
            seconds: How long to wait.

        Raises:
            TimedOut: Fewer runs have ended.
        """
        deadline = time.monotonic() + seconds
        while (ended := sum(map(_ends_a_run, self.trigger_log(trigger)))) < count:
            if time.monotonic() > deadline:
                raise TimedOut(f"{ended} runs of {trigger} instead of {count} after {seconds:g} s\n{self._all_logs()}")
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def trigger_log(self, trigger: str) -> list[LogRow]:
        """Return what a trigger logged, oldest row first."""
        return self.client.trigger_logs(self.database, trigger, limit=_MOST_LOG_ROWS)

    def _all_logs(self) -> str:
        rows = [
            f"  {trigger.trigger_name}: {row.log_level} {row.log_text}"
            for trigger in self.client.triggers(self.database)
            for row in self.trigger_log(trigger.trigger_name)
        ]
        return "\n".join(["The triggers logged:", *rows] if rows else ["The triggers logged nothing. Did any run?"])


@contextmanager
def fresh_engine(directory: Path, database: str = "test", **settings: Setting) -> Iterator[PluginTestEngine]:
    """Run an engine in memory, on a free port, while the context lasts.

    Args:
        directory: Directory of the plugins and the log.
        database: The database to create.
        settings: Flags of the engine, as in `start_engine`.
    """
    settings.setdefault("object_store", "memory")
    with start_engine(directory, environment=None, **settings) as engine:
        yield PluginTestEngine(engine, database)


def _ends_a_run(row: LogRow) -> bool:
    return row.log_text.startswith(_ENDS_OF_RUNS) and _NOT_THE_END not in row.log_text
