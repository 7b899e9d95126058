"""What a server has: databases, triggers, the code that they run, and the installed packages."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from influxdb3_engine_api import AnswerError, UnreadableAnswer
from influxdb3_engine_resources.errors import ProbeFailed
from influxdb3_engine_resources.server.facts import ServerFacts
from influxdb3_engine_resources.server.live_triggers import LiveTrigger, live_triggers
from influxdb3_engine_resources.server.probe import Probe, ProbedFile, ProbeReport
from influxdb3_engine_resources.server.retry import is_server_fault, with_retries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from influxdb3_engine_api import EngineClient
    from influxdb3_engine_api.wire import TriggerRow

_INTERNAL = "_internal"
_FILES_PER_QUESTION = 25
"""Each file may have a mebibyte, and an answer 64."""


class FoundTrigger(NamedTuple):
    """A trigger on the server."""

    db: str
    live: LiveTrigger

    @property
    def row(self) -> TriggerRow:
        """Its row of the system table."""
        return self.live.row

    @property
    def plugin(self) -> str:
        """Path of its plugin without ``/`` at the end, or ``gh:PATH``."""
        return self.row.plugin_filename.rstrip("/")


@dataclass(frozen=True)
class PluginCode:
    """The files of a plugin.

    Attributes:
        files: Path below the plugin directory to the text; None for a file that is too large or not UTF-8.
        is_directory: Whether the plugin is a directory.
    """

    files: Mapping[str, str | None]
    is_directory: bool


@dataclass(frozen=True)
class ServerContent:
    """What was read.

    Attributes:
        databases: Names of the databases.
        triggers: Their triggers.
        code: Plugin to its code; plugins that could not be read are missing.
        unread: Plugin to the reason why its code was not read.
        distributions: What the probe says about installed packages; None if the server runs no dry runs.
        locked: Why neither code nor packages could be read, or None.
        retention: Database to its retention period in nanoseconds; databases that keep rows for ever are missing. None
            if the server does not list retention periods.
    """

    databases: Sequence[str]
    triggers: Sequence[FoundTrigger]
    code: Mapping[str, PluginCode] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    distributions: ProbeReport | None = None
    locked: str | None = None
    retention: Mapping[str, int] | None = None


class UnknownDatabase(Exception):
    """A database was asked for that the server does not have; the text names it and those that exist."""


def read_server(client: EngineClient, wanted: Sequence[str], progress: Callable[[str], None]) -> ServerContent:
    """Read a server: two queries for each database and one for all, and a few dry runs of the probe.

    Args:
        client: The client of the server.
        wanted: Databases to read; empty for all.
        progress: Called with what is read next.

    Raises:
        UnknownDatabase: The server lacks a wanted database.
        EngineApiError: The server could not be asked.
    """
    databases = _databases(client, wanted)
    retention = retention_periods(client)
    triggers = []
    facts = ServerFacts(client)
    for number, db in enumerate(databases, 1):
        progress(f"triggers of database {db!r} ({number} of {len(databases)})")
        triggers += _triggers(client, db, facts)
    plugins = sorted({trigger.plugin for trigger in triggers if not trigger.plugin.startswith("gh:")})
    probe = Probe(client)
    try:
        progress("files of the plugin directory")
        listing = with_retries(lambda: probe.ask(listing=True), retry_on=is_server_fault)
        code, unread = _read_code(probe, listing, plugins, progress)
        progress("installed packages")
        distributions = with_retries(lambda: probe.ask(all_distributions=True), retry_on=is_server_fault)
    except ProbeFailed as error:
        return ServerContent(
            databases,
            triggers,
            unread=dict.fromkeys(plugins, "its code was not read"),
            locked=str(error),
            retention=retention,
        )
    return ServerContent(databases, triggers, code, unread, distributions, retention=retention)


def retention_periods(client: EngineClient) -> dict[str, int] | None:
    """The retention periods of a server, as ``ServerContent`` has them.

    Raises:
        TransportError: The server could not be asked.
    """
    sql = "SELECT database_name, retention_period_ns FROM system.databases WHERE NOT deleted"
    try:
        rows = with_retries(lambda: client.query_sql(_INTERNAL, sql))
        periods = {str(row["database_name"]): row.get("retention_period_ns") for row in rows}
        return {name: int(period) for name, period in periods.items() if period is not None}
    except (AnswerError, UnreadableAnswer, KeyError, TypeError, ValueError):  # an older release
        return None


def _databases(client: EngineClient, wanted: Sequence[str]) -> list[str]:
    existing = [name for name in with_retries(client.databases, retry_on=is_server_fault) if name != _INTERNAL]
    for name in wanted:
        if name not in existing:
            raise UnknownDatabase(f"there is no database {name!r}; there are: {', '.join(sorted(existing)) or 'none'}")
    return sorted(set(wanted or existing))


def _triggers(client: EngineClient, db: str, facts: ServerFacts) -> list[FoundTrigger]:
    rows = with_retries(lambda: client.triggers(db), retry_on=is_server_fault)
    arguments = with_retries(lambda: client.trigger_arguments(db), retry_on=is_server_fault) if rows else {}
    found = with_retries(lambda: live_triggers(rows, arguments, facts), retry_on=is_server_fault)
    return [FoundTrigger(db, live) for live in found]


def _read_code(
    probe: Probe, listing: ProbeReport, plugins: Iterable[str], progress: Callable[[str], None]
) -> tuple[dict[str, PluginCode], dict[str, str]]:
    files: dict[str, list[str]] = {}
    unread: dict[str, str] = {}
    directories: set[str] = set()
    for plugin in plugins:
        below = [path for path in listing.listing if path.startswith(f"{plugin}/")]
        if not below:
            files[plugin] = [plugin]  # also a file that the listing leaves out, since it is hidden
        elif listing.listing_is_whole:
            files[plugin] = below
            directories.add(plugin)
        else:
            unread[plugin] = "the plugin directory has too many files to list them all"
    texts = _read_files(probe, sorted({path for paths in files.values() for path in paths}), progress)
    for plugin, paths in files.items():
        if not any(texts[path] for path in paths):
            unread[plugin] = "there is no such file or directory in the plugin directory"
    code = {
        plugin: PluginCode(
            {path: found.text for path in paths if (found := texts[path]) is not None}, plugin in directories
        )
        for plugin, paths in files.items()
        if plugin not in unread
    }
    return code, unread


def _read_files(probe: Probe, paths: Sequence[str], progress: Callable[[str], None]) -> dict[str, ProbedFile | None]:
    found: dict[str, ProbedFile | None] = {}
    for start in range(0, len(paths), _FILES_PER_QUESTION):
        some = paths[start : start + _FILES_PER_QUESTION]
        progress(f"plugin files ({start + len(some)} of {len(paths)})")
        found |= with_retries(partial(probe.ask, files=some), retry_on=is_server_fault).files
    return found
