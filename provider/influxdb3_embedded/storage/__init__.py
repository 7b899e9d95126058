"""Durable tables: takes line protocol, returns Arrow."""

from __future__ import annotations

from influxdb3_embedded.storage.columns import TableSchema
from influxdb3_embedded.storage.errors import (
    EmptyWriteError,
    LimitExceededError,
    NotUtf8Error,
    StorageError,
    StorageLockedError,
    TableExistsError,
    TableNotFoundError,
    WriteFailedError,
)
from influxdb3_embedded.storage.follower import Follower
from influxdb3_embedded.storage.schema_check import Limits
from influxdb3_embedded.storage.storage import SnapshotPolicy, Storage, WriteOutcome
from influxdb3_embedded.storage.timestamps import Precision
from influxdb3_engine_api.column_kinds import ColumnKind
from influxdb3_engine_api.line_grammar import LineError

__all__ = [
    "ColumnKind",
    "EmptyWriteError",
    "Follower",
    "LimitExceededError",
    "Limits",
    "LineError",
    "NotUtf8Error",
    "Precision",
    "SnapshotPolicy",
    "Storage",
    "StorageError",
    "StorageLockedError",
    "TableExistsError",
    "TableNotFoundError",
    "TableSchema",
    "WriteFailedError",
    "WriteOutcome",
]
