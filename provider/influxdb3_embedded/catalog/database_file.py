"""The SQLite file of the catalog: its schema, and conversions between rows and records."""

from __future__ import annotations

import json
import sqlite3
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from influxdb3_embedded.catalog.records import Database, Token
from influxdb3_embedded.model import INTERNAL, Trigger
from influxdb3_engine_api import specification
from influxdb3_engine_api.wire import ErrorBehavior

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = 1
INTERNAL_RETENTION = timedelta(days=7)

_SCHEMA = f"""
CREATE TABLE engine (cluster_uuid TEXT NOT NULL);
CREATE TABLE databases (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  retention_us INTEGER,
  deleted INTEGER NOT NULL DEFAULT 0,
  hard_delete_at TEXT
);
CREATE TABLE triggers (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  database_id INTEGER NOT NULL REFERENCES databases (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  plugin_filename TEXT NOT NULL,
  specification TEXT NOT NULL,
  run_async INTEGER NOT NULL,
  error_behavior TEXT NOT NULL,
  arguments TEXT,
  disabled INTEGER NOT NULL,
  UNIQUE (database_id, name)
);
CREATE TABLE tokens (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  sha512 TEXT NOT NULL UNIQUE,
  created TEXT NOT NULL,
  expires TEXT
);
PRAGMA user_version = {VERSION};
"""


class CatalogVersionError(Exception):
    """A newer release wrote the data directory."""


def connect(file: Path | None) -> sqlite3.Connection:
    """Open the catalog, or create it.

    Args:
        file: The SQLite file. None: a catalog in memory.

    Raises:
        CatalogVersionError: A newer release wrote the file.
    """
    connection = sqlite3.connect(file or ":memory:", check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    # a change is on the disk before it is answered, so that a power failure cannot undo it
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        connection.close()
        raise CatalogVersionError(
            f"{file} was written by a newer release (version {version}, this release reads {VERSION}). "
            "Start the newer release, or choose another data directory."
        )
    if version == 0:
        with connection:
            connection.executescript(f"BEGIN; {_SCHEMA}")
            connection.execute("INSERT INTO engine VALUES (?)", (str(uuid.uuid4()),))
            connection.execute(
                "INSERT INTO databases (id, name, retention_us) VALUES (0, ?, ?)",
                (INTERNAL, microseconds(INTERNAL_RETENTION)),
            )
    return connection


def load_cluster_uuid(connection: sqlite3.Connection) -> str:
    """The identity of the engine's data. The engine sends it with every answer."""
    (cluster_uuid,) = connection.execute("SELECT cluster_uuid FROM engine").fetchone()
    return str(cluster_uuid)


def load_databases(connection: sqlite3.Connection) -> Iterator[Database]:
    """All databases in the order of creation, also the deleted ones."""
    rows = connection.execute("SELECT id, name, retention_us, deleted, hard_delete_at FROM databases ORDER BY id")
    for id_, name, retention_us, deleted, hard_delete_at in rows:
        retention = None if retention_us is None else timedelta(microseconds=retention_us)
        yield Database(id_, name, retention, bool(deleted), read_time(hard_delete_at))


def load_triggers(connection: sqlite3.Connection) -> Iterator[Trigger]:
    """All triggers in the order of creation."""
    rows = connection.execute(
        "SELECT d.name, t.name, plugin_filename, specification, run_async, error_behavior, arguments, disabled"
        " FROM triggers t JOIN databases d ON d.id = database_id ORDER BY t.id"
    )
    for database, name, plugin_filename, text, run_async, error_behavior, arguments, disabled in rows:
        yield Trigger(
            database=database,
            name=name,
            plugin_filename=plugin_filename,
            specification=specification.parse(text),
            run_async=bool(run_async),
            error_behavior=ErrorBehavior(error_behavior),
            arguments=None if arguments is None else json.loads(arguments),
            disabled=bool(disabled),
        )


def load_tokens(connection: sqlite3.Connection) -> Iterator[Token]:
    """All tokens in the order of creation."""
    for id_, name, sha512, created, expires in connection.execute(
        "SELECT id, name, sha512, created, expires FROM tokens ORDER BY id"
    ):
        yield Token(id_, name, sha512, datetime.fromisoformat(created), read_time(expires))


def microseconds(duration: timedelta | None) -> int | None:
    """A duration as the file has it."""
    return None if duration is None else duration // timedelta(microseconds=1)


def read_time(text: str | None) -> datetime | None:
    """A time from the file, in UTC."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def stored_time(value: datetime | None) -> str | None:
    """A time as the file has it."""
    return None if value is None else value.astimezone(UTC).isoformat()
