"""What a test of a plugin does with an engine: upload, trigger, write, wait, query."""

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

_PATIENCE = 10.0
_SECONDS_BETWEEN_LOOKS = 0.01
_MOST_LOG_ROWS = 10_000
_ENDS_OF_RUNS = (
    "finished execution in ",
    "error executing wal plugin: ",
    "error executing schedule plugin: ",
    "error running request plugin: ",
)
_NO_END = ": error writing back lines to "
"""A row about what a run wrote, which comes besides the row about its end."""


class TimedOut(AssertionError):
    """What a test waited for did not come; the text says what there was, and what the triggers logged."""


class PluginTestEngine:
    """A fresh engine with one database, in memory.

    Args:
        engine: The engine.
        database: The database that the methods use; made here.

    Attributes:
        client: Every operation of the API.
        database: The database that the methods use.
    """

    def __init__(self, engine: RunningEngine, database: str) -> None:
        self._engine = engine
        self.client: EngineClient = engine.client
        self.database = database
        self.client.create_database(database)

    @property
    def url(self) -> str:
        """Where the engine serves."""
        return self._engine.url

    @property
    def plugin_dir(self) -> Path:
        """Where its plugins lie."""
        return self._engine.plugin_dir

    def upload(self, source: Path) -> str:
        """Copy a plugin, a file or a directory, to the engine.

        Args:
            source: The file, or the directory with ``__init__.py`` and what belongs to it.

        Returns:
            The plugin's name, to create triggers with.
        """
        if not source.is_dir():
            self.client.create_plugin_file(source.name, source.read_text("utf-8"))
            return source.name
        # __init__.py last: from then on the directory is a plugin
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
            plugin: The plugin's name, as `upload` returns it.
            specification: When it runs, such as ``table:cpu``, ``every:1s`` or ``request:report``.
            name: The trigger's name; the plugin's without its suffix if left out.
            arguments: What the plugin gets as ``args``.
            run_async: Whether its runs may overlap.
            error_behavior: What a failed run leads to.

        Returns:
            The trigger's name.
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
        """Write line protocol, all or nothing; what it triggers begins at once and is not waited for."""
        text = lines if isinstance(lines, str) else "\n".join(lines)
        self.client.write_lp(self.database, text, accept_partial=False)

    def query(self, sql: str, params: Mapping[str, Scalar] | None = None) -> list[dict[str, Any]]:
        """Rows of a query, columns that are NULL left out; none where the table does not exist yet."""
        try:
            return self.client.query_sql(self.database, sql, params)
        except BadRequest as error:
            if error.text.startswith("Error during planning: table '") and error.text.endswith("' not found"):
                return []
            raise

    def wait_for_rows(
        self, sql: str, params: Mapping[str, Scalar] | None = None, *, count: int = 1, seconds: float = _PATIENCE
    ) -> list[dict[str, Any]]:
        """Query until there are rows.

        Args:
            sql: The query.
            params: Values of its ``$name`` placeholders.
            count: How many rows at least.
            seconds: How long to wait.

        Raises:
            TimedOut: There are fewer by then.
        """
        deadline = time.monotonic() + seconds
        while len(rows := self.query(sql, params)) < count:
            if time.monotonic() > deadline:
                raise TimedOut(f"{len(rows)} rows instead of {count} after {seconds:g} s: {rows}\n{self._said()}")
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return rows

    def wait_for_runs(self, trigger: str, count: int = 1, *, seconds: float = _PATIENCE) -> None:
        """Wait until runs of a trigger have ended, well or badly: what then has not happened will not.

        Args:
            trigger: Its name.
            count: How many runs, from the engine's start.
            seconds: How long to wait.

        Raises:
            TimedOut: Fewer have ended by then.
        """
        deadline = time.monotonic() + seconds
        while (ended := sum(map(_ends_a_run, self.trigger_log(trigger)))) < count:
            if time.monotonic() > deadline:
                raise TimedOut(f"{ended} runs of {trigger} instead of {count} after {seconds:g} s\n{self._said()}")
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def trigger_log(self, trigger: str) -> list[LogRow]:
        """What a trigger logged, oldest first."""
        return self.client.trigger_logs(self.database, trigger, limit=_MOST_LOG_ROWS)

    def _said(self) -> str:
        rows = [
            f"  {trigger.trigger_name}: {row.log_level} {row.log_text}"
            for trigger in self.client.triggers(self.database)
            for row in self.trigger_log(trigger.trigger_name)
        ]
        return "\n".join(["The triggers logged:", *rows] if rows else ["The triggers logged nothing: did any run?"])


@contextmanager
def fresh_engine(directory: Path, database: str = "test", **settings: Setting) -> Iterator[PluginTestEngine]:
    """Run an engine in memory, on a free port, while the context lasts.

    Args:
        directory: Where its plugins and its log go.
        database: The database that is made in it.
        settings: Flags of the engine, as `start_engine` takes them.
    """
    settings.setdefault("object_store", "memory")
    with start_engine(directory, environment=None, **settings) as engine:
        yield PluginTestEngine(engine, database)


def _ends_a_run(row: LogRow) -> bool:
    return row.log_text.startswith(_ENDS_OF_RUNS) and _NO_END not in row.log_text
