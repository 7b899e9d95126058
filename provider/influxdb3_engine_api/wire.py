"""Models of the bodies of requests and answers (contract sections 1, 6 and 7).

The OpenAPI document of the embedded engine has their docstrings.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


class _Body(BaseModel):
    # as the server: unknown members are ignored, and values are not converted to other types
    # defer_build: a process uses few of the models
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, defer_build=True)


class ErrorBehavior(StrEnum):
    """What the server does after a failed run (contract 3.2)."""

    LOG = "log"
    RETRY = "retry"
    DISABLE = "disable"


Behavior = Annotated[ErrorBehavior, Field(strict=False)]


class TriggerSettings(_Body):
    """How a trigger runs (contract 1.2).

    Attributes:
        run_async: Whether runs of the trigger may overlap.
        error_behavior: What the server does after a failed run.
    """

    run_async: bool
    error_behavior: Behavior


def _settings_from_text(value: Any) -> Any:
    """Accept the two other forms of the published API: an error behaviour alone, and the object as JSON text."""
    if not isinstance(value, str):
        return value
    if value in tuple(ErrorBehavior):
        return {"run_async": False, "error_behavior": value}
    return json.loads(value)


class NodeList(_Body):
    """The nodes of an Enterprise cluster that run a trigger."""

    nodes: list[str]


class CreateTrigger(_Body):
    """A new trigger. The server checks the members in this order (contract 1.2).

    Attributes:
        db: The database of the trigger.
        plugin_filename: Path of the plugin file or directory below the plugin directory, or ``gh:PATH``.
        trigger_name: Name of the trigger; unique in the database.
        trigger_settings: How the trigger runs.
        trigger_specification: When the trigger runs, such as ``every:30s`` or ``table:cpu``.
        trigger_arguments: Arguments that the plugin gets.
        disabled: Whether the trigger is created without being started.
        node_spec: The nodes of an Enterprise cluster that run the trigger.
    """

    db: str
    plugin_filename: str
    trigger_name: str
    trigger_settings: Annotated[TriggerSettings, BeforeValidator(_settings_from_text)]
    trigger_specification: str
    trigger_arguments: dict[str, str] | None = None
    disabled: bool
    node_spec: Any = None


class CreatePluginFile(_Body):
    """A new plugin file.

    Attributes:
        plugin_name: Path of the file below the plugin directory.
        content: The text of the file.
    """

    plugin_name: str
    content: str


class UpdatePluginFile(_Body):
    """New content for the plugin file of a trigger.

    Attributes:
        plugin_name: Name of a trigger that runs the file.
        content: The new text of the file.
    """

    plugin_name: str
    content: str


class PluginDirectoryFile(_Body):
    """A file of a plugin directory.

    Attributes:
        relative_path: Path of the file below the plugin's own directory.
        content: The text of the file.
    """

    relative_path: str
    content: str


class UpdatePluginDirectory(_Body):
    """New files for the plugin directory of a trigger.

    Attributes:
        plugin_name: Name of a trigger that runs the plugin.
        files: All files of the directory.
    """

    plugin_name: str
    files: list[PluginDirectoryFile]


class InstallPackages(_Body):
    """Packages to install.

    Attributes:
        packages: Requirement specifiers, or options of pip.
    """

    packages: list[str]


class InstallRequirements(_Body):
    """A requirements file to install.

    Attributes:
        requirements_location: Path or URL of the file, as the server sees it.
    """

    requirements_location: str


class TestWalPlugin(_Body):
    """A dry run of a WAL plugin (contract section 6).

    Attributes:
        filename: Path of the plugin below the plugin directory.
        database: The database that the plugin queries and writes to.
        input_lp: Line protocol that the plugin gets as written rows.
        cache_name: Name of a cache that later dry runs can use.
        input_arguments: Arguments that the plugin gets.
    """

    __test__ = False  # pytest would take the class for a test

    filename: str
    database: str
    input_lp: str
    cache_name: str | None = None
    input_arguments: dict[str, str] | None = None


class TestSchedulePlugin(_Body):
    """A dry run of a schedule plugin (contract section 6).

    Attributes:
        filename: Path of the plugin below the plugin directory.
        database: The database that the plugin queries and writes to.
        schedule: A cron expression with seconds. The embedded engine also takes an interval such as ``30s``.
        cache_name: Name of a cache that later dry runs can use.
        input_arguments: Arguments that the plugin gets.
    """

    __test__ = False  # pytest would take the class for a test

    filename: str
    database: str
    schedule: str | None = None
    cache_name: str | None = None
    input_arguments: dict[str, str] | None = None


class DryRunResult(_Body):
    """The result of a dry run.

    Attributes:
        log_lines: Log lines of the plugin and the server, each as ``LEVEL: text``.
        database_writes: Database to the lines that the plugin would have written.
        errors: Errors of the run and of its writes; empty if there are no errors.
        trigger_time: Time of a scheduled run in RFC 3339; null for a WAL plugin and after a failure.
    """

    log_lines: list[str]
    database_writes: dict[str, list[str]]
    errors: list[str]
    trigger_time: str | None = None


class CreateDatabase(_Body):
    """A database and its retention period.

    Attributes:
        db: Name of the database.
        retention_period: How long rows are kept, such as ``7d``; null: for ever.
    """

    db: str
    retention_period: str | None = None


FieldType = Literal["utf8", "int64", "uint64", "float64", "bool"]


class NewField(_Body):
    """A field of a new table.

    Attributes:
        name: Name of the field.
        type: Type of the field.
    """

    name: str
    type: FieldType


class CreateTable(_Body):
    """A new table (contract 8.2).

    Attributes:
        db: The database; created if it does not exist.
        table: Name of the table.
        tags: Names of the tags.
        fields: The fields.
    """

    db: str
    table: str
    tags: list[str]
    fields: list[NewField]


class ColumnRow(_Body):
    """A row of ``information_schema.columns``; ``data_type`` is the text of an Arrow type."""

    column_name: str
    data_type: str


class DatabaseRow(_Body):
    """A row of the list of databases (contract 8.2)."""

    name: Annotated[str, Field(alias="iox::database")]


class TriggerRow(_Body):
    """A row of ``system.processing_engine_triggers`` (contract 7.2).

    ``error_behavior`` is an ``ErrorBehavior`` or one that only a later release has.
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
    """A row of ``system.plugin_files`` in ``_internal``: ``plugin_name`` is a trigger, ``last_modified`` is in ms."""

    plugin_name: str
    file_name: str
    file_path: str
    size_bytes: int
    last_modified: int


class ServerInfo(_Body):
    """Name and version of the server.

    Attributes:
        version: The release of InfluxDB 3, such as ``3.10.0``.
        product_name: Name of the product.
        revision: Revision of the source.
        process_id: A new id for each start of the server.
    """

    version: str
    product_name: str = ""
    revision: str = ""
    process_id: str = ""
