"""Bodies of requests and answers (contract sections 1, 6 and 7), for the client and for the embedded engine."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


class _Body(BaseModel):
    # like the server, ignore unknown members and do not convert types
    # defer_build: a process uses only a few of the models
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, defer_build=True)


class ErrorBehavior(StrEnum):
    """What the server does if a run fails (contract 3.2)."""

    LOG = "log"
    RETRY = "retry"
    DISABLE = "disable"


Behavior = Annotated[ErrorBehavior, Field(strict=False)]


class TriggerSettings(_Body):
    """How the server executes a trigger's runs; both members are required (contract 1.2).

    Attributes:
        run_async: Whether runs may overlap.
        error_behavior: What the server does if a run fails.
    """

    run_async: bool
    error_behavior: Behavior


def _settings_from_text(value: Any) -> Any:
    """The settings from a string, as in the published API: an error behaviour, or the object as JSON text."""
    if not isinstance(value, str):
        return value
    if value in tuple(ErrorBehavior):
        return {"run_async": False, "error_behavior": value}
    return json.loads(value)


class NodeList(_Body):
    """The nodes of an Enterprise cluster that run a trigger."""

    nodes: list[str]


class CreateTrigger(_Body):
    """Body of ``POST processing_engine_trigger``, members in the server's order of checking (contract 1.2)."""

    db: str
    plugin_filename: str
    trigger_name: str
    trigger_settings: Annotated[TriggerSettings, BeforeValidator(_settings_from_text)]
    trigger_specification: str
    trigger_arguments: dict[str, str] | None = None
    disabled: bool
    node_spec: Any = None


class CreatePluginFile(_Body):
    """Body of ``POST plugins/files``: a file below the plugin directory."""

    plugin_name: str
    content: str


class UpdatePluginFile(_Body):
    """Body of ``PUT plugins/files``: ``plugin_name`` is the name of a trigger that uses the file."""

    plugin_name: str
    content: str


class PluginDirectoryFile(_Body):
    """One file of a multi-file plugin; ``relative_path`` is below the plugin's own directory."""

    relative_path: str
    content: str


class UpdatePluginDirectory(_Body):
    """Body of ``PUT plugins/directory``: ``plugin_name`` is the name of a trigger that uses the directory."""

    plugin_name: str
    files: list[PluginDirectoryFile]


class InstallPackages(_Body):
    """Body of ``install_packages``: pip requirement specifiers."""

    packages: list[str]


class InstallRequirements(_Body):
    """Body of ``install_requirements``: path of a requirements file as the server sees it."""

    requirements_location: str


class TestWalPlugin(_Body):
    """Body of ``plugin_test/wal`` (contract section 6)."""

    __test__ = False  # keeps pytest from collecting the class

    filename: str
    database: str
    input_lp: str
    cache_name: str | None = None
    input_arguments: dict[str, str] | None = None


class TestSchedulePlugin(_Body):
    """Body of ``plugin_test/schedule`` (contract section 6)."""

    __test__ = False  # keeps pytest from collecting the class

    filename: str
    database: str
    schedule: str | None = None
    cache_name: str | None = None
    input_arguments: dict[str, str] | None = None


class DryRunResult(_Body):
    """Answer of a dry run.

    Attributes:
        log_lines: The log in order, each line as ``LEVEL: text``; includes the server's own lines.
        database_writes: The line protocol that the plugin would have written, by database.
        errors: Errors of the run and of invalid lines; empty for a success.
        trigger_time: Nominal time of a schedule run, as RFC 3339; None for WAL runs and failures.
    """

    log_lines: list[str]
    database_writes: dict[str, list[str]]
    errors: list[str]
    trigger_time: str | None = None


class CreateDatabase(_Body):
    """Body of ``POST`` and ``PUT configure/database``; ``retention_period`` is a duration such as ``7d``."""

    db: str
    retention_period: str | None = None


class DatabaseRow(_Body):
    """A row of the list of databases (contract 8.2)."""

    name: Annotated[str, Field(alias="iox::database")]


class TriggerRow(_Body):
    """A row of ``system.processing_engine_triggers`` (contract 7.2).

    ``error_behavior`` is an ``ErrorBehavior``, or one that only a later release has.
    """

    trigger_name: str
    plugin_filename: str
    trigger_specification: str
    disabled: bool
    error_behavior: str


class ArgumentRow(_Body):
    """A row of ``system.processing_engine_trigger_arguments``."""

    trigger_name: str
    argument_key: str
    argument_value: str


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


class LogRow(_Body):
    """A row of ``system.processing_engine_logs``; ``event_time`` is UTC."""

    event_time: Annotated[datetime, Field(strict=False), AfterValidator(_utc)]
    trigger_name: str
    log_level: Literal["INFO", "WARN", "ERROR"]
    log_text: str


class PluginFileRow(_Body):
    """A row of ``system.plugin_files``, which only ``_internal`` has.

    ``plugin_name`` is the trigger's name. ``last_modified`` is in milliseconds.
    """

    plugin_name: str
    file_name: str
    file_path: str
    size_bytes: int
    last_modified: int


class ServerInfo(_Body):
    """Answer of ``ping``: product and version of the server."""

    version: str
    product_name: str = ""
    revision: str = ""
    process_id: str = ""
