"""The tables of the ``system`` schema (contract 7.2)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from influxdb3_embedded.model import INTERNAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from influxdb3_embedded.catalog import Catalog
    from influxdb3_embedded.runner import LogBook, PluginDirectory

_TRIGGERS = pa.schema(
    [
        ("trigger_name", pa.utf8()),
        ("plugin_filename", pa.utf8()),
        ("trigger_specification", pa.utf8()),
        ("disabled", pa.bool_()),
        ("error_behavior", pa.utf8()),
    ]
)
_ARGUMENTS = pa.schema(
    [("trigger_name", pa.utf8()), ("argument_key", pa.utf8()), ("argument_value", pa.utf8())],
)
_LOGS = pa.schema(
    [
        ("event_time", pa.timestamp("ns")),
        ("trigger_name", pa.utf8()),
        ("log_level", pa.utf8()),
        ("log_text", pa.utf8()),
    ]
)
_PLUGIN_FILES = pa.schema(
    [
        ("plugin_name", pa.utf8()),
        ("file_name", pa.utf8()),
        ("file_path", pa.utf8()),
        ("size_bytes", pa.int64()),
        ("last_modified", pa.int64()),
    ]
)
_DATABASES = pa.schema(
    [
        pa.field("database_name", pa.utf8(), nullable=False),
        ("retention_period_ns", pa.uint64()),
        pa.field("deleted", pa.bool_(), nullable=False),
        ("hard_deletion_time", pa.int64()),
    ]
)
_TOKENS = pa.schema(
    [
        pa.field("token_id", pa.uint64(), nullable=False),
        pa.field("name", pa.utf8(), nullable=False),
        pa.field("hash", pa.utf8(), nullable=False),
        pa.field("created_at", pa.timestamp("ms"), nullable=False),
        ("description", pa.utf8()),
        ("created_by_token_id", pa.uint64()),
        ("updated_at", pa.timestamp("ms")),
        ("updated_by_token_id", pa.uint64()),
        ("expiry", pa.timestamp("ms")),
        pa.field("permissions", pa.utf8(), nullable=False),
    ]
)
_SHOWN_DIGITS_OF_A_HASH = 9
_ALL_PERMISSIONS = "*:*:*"


class SystemTables:
    """Makes the system tables that a query uses.

    Args:
        catalog: Databases, tokens, triggers and their arguments.
        logs: Log lines of triggers.
        plugins: Plugin files of triggers.
    """

    def __init__(self, catalog: Catalog, logs: LogBook, plugins: PluginDirectory) -> None:
        self._catalog = catalog
        self._logs = logs
        self._plugins = plugins

    def of(self, database: str) -> Mapping[str, Callable[[], pa.Table]]:
        """Names of the system tables of a database, each with a function that makes the table."""
        tables = {
            "processing_engine_triggers": lambda: self._triggers(database),
            "processing_engine_trigger_arguments": lambda: self._arguments(database),
            "processing_engine_logs": self._log_rows,
        }
        if database != INTERNAL:
            return tables
        return tables | {"plugin_files": self._plugin_files, "databases": self._databases, "tokens": self._tokens}

    def _triggers(self, database: str) -> pa.Table:
        return _table(
            _TRIGGERS,
            [
                (
                    trigger.name,
                    trigger.plugin_filename,
                    trigger.specification.catalog_json,
                    trigger.disabled,
                    trigger.error_behavior.value,
                )
                for trigger in self._catalog.triggers(database)
            ],
        )

    def _arguments(self, database: str) -> pa.Table:
        return _table(
            _ARGUMENTS,
            [
                (trigger.name, key, value)
                for trigger in self._catalog.triggers(database)
                for key, value in (trigger.arguments or {}).items()
            ],
        )

    def _log_rows(self) -> pa.Table:
        return _table(_LOGS, [(row.time_ns, row.trigger_name, row.level.value, row.text) for row in self._logs.rows()])

    def _plugin_files(self) -> pa.Table:
        return _table(
            _PLUGIN_FILES,
            [
                (trigger.name, file.file_name, file.file_path, file.size_bytes, file.last_modified)
                for trigger in self._catalog.triggers()
                for file in self._plugins.files(trigger.plugin_filename)
            ],
        )

    def _databases(self) -> pa.Table:
        return _table(
            _DATABASES,
            [
                (
                    database.name,
                    database.retention and database.retention // timedelta(microseconds=1) * 1000,
                    database.deleted,
                    database.hard_delete_at and int(database.hard_delete_at.timestamp()),
                )
                for database in self._catalog.databases()
            ],
        )

    def _tokens(self) -> pa.Table:
        return _table(
            _TOKENS,
            [
                (
                    token.id,
                    token.name,
                    token.sha512[:_SHOWN_DIGITS_OF_A_HASH],
                    token.created,
                    *[None] * 4,
                    token.expires,
                    _ALL_PERMISSIONS,
                )
                for token in self._catalog.tokens()
            ],
        )


def _table(schema: pa.Schema, rows: list[tuple[object, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )
