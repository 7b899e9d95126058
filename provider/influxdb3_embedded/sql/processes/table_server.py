"""Answers the questions of query processes about tables."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, NamedTuple

from influxdb3_embedded.sql.processes.channel import TABLES
from influxdb3_embedded.sql.processes.shared_tables import SharedTables
from influxdb3_embedded.storage.table_rows import TableRows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

    from influxdb3_embedded.sql.processes.channel import Message
    from influxdb3_embedded.sql.processes.running_process import SqlProcess
    from influxdb3_embedded.storage import Storage

    SystemTables = Callable[[str], Mapping[str, Callable[[], pa.Table]]]

_log = logging.getLogger(__name__)


class DatabaseRef(NamedTuple):
    """A database.

    Attributes:
        id: Its number in the storage.
        name: Its name, which the system tables need.
    """

    id: int
    name: str


class Tables:
    """The tables of all databases. Thread-safe.

    Args:
        storage: Holds the tables.
        system_tables: Returns the tables of schema ``system`` for the name of a database. A table is made when a query
            names it.
    """

    def __init__(self, storage: Storage, system_tables: SystemTables) -> None:
        self._storage = storage
        self._system_tables = system_tables
        self._shared = SharedTables()

    def answer(self, question: Message, database: DatabaseRef, process: SqlProcess) -> None:
        """Send the names of all tables, or the rows of one table, to a process.

        Args:
            question: The message of the process, ``names`` or ``rows``.
            database: The database that the process queries.
            process: The process.

        Raises:
            ProcessEnded: The process ended.
        """
        schema = question.content["schema"]
        if question.content["op"] == "names":
            process.send({"names": self._names(database, schema)})
            return
        name = question.content["name"]
        try:
            rows = self._rows(database, schema, name)
            key = (database.id, name) if schema == TABLES else None
            shared = None if rows is None else self._shared.share(key, rows)
        except Exception as error:  # noqa: BLE001 - the process needs an answer after any error
            _log.exception("table %s of %s cannot be read", name, database.name)
            process.send({"error": f"Execution error: table {name} cannot be read: {error}"})
            return
        if shared is None:
            process.send({})
            return
        content, attachment, descriptor = shared
        try:
            process.send(content, attachment, descriptor)
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def close(self) -> None:
        """Close the shared tables."""
        self._shared.close()

    def _names(self, database: DatabaseRef, schema: str) -> list[str]:
        if schema == TABLES:
            return [table.name for table in self._storage.tables(database.id)]
        return list(self._system_tables(database.name))

    def _rows(self, database: DatabaseRef, schema: str, name: str) -> TableRows | None:
        if schema == TABLES:
            return self._storage.table(database.id, name)
        make = self._system_tables(database.name).get(name)
        if make is None:
            return None
        table = make()
        return TableRows(table.schema, [table])
