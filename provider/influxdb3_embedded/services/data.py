"""Writes and queries, for clients and for plugins (contract 5, 7.1 and 8.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from influxdb3_embedded.errors import ApiError, EmptyWrite
from influxdb3_embedded.services.databases import get_or_create_database
from influxdb3_embedded.sql import DatabaseRef, QueryFailed
from influxdb3_embedded.storage import EmptyWriteError, NotUtf8Error, StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from mmap import mmap

    from influxdb3_embedded.catalog import Catalog
    from influxdb3_embedded.sql import SqlEngine
    from influxdb3_embedded.storage import Precision, Storage, WriteOutcome
    from influxdb3_engine_api.client import Scalar

Result = TypeVar("Result")


class Data:
    """Writes rows and runs queries.

    Args:
        catalog: The databases.
        storage: The rows.
        sql: Runs the queries.
    """

    def __init__(self, catalog: Catalog, storage: Storage, sql: SqlEngine) -> None:
        self._catalog = catalog
        self._storage = storage
        self._sql = sql

    async def write(
        self, name: str, body: bytes | str, *, precision: Precision, accept_partial: bool, durable: bool
    ) -> WriteOutcome:
        """Write line protocol; create the database if it does not exist.

        Args:
            name: The database; a valid name.
            body: Line protocol.
            precision: Unit of the timestamps.
            accept_partial: Whether to store the valid lines if others are invalid.
            durable: Whether to wait until the lines are on disk.

        Returns:
            The number of stored lines, and the errors of the others.

        Raises:
            ApiError: 400 if the body is empty or not UTF-8; 500 if the disk refuses.
        """
        database = await get_or_create_database(self._catalog, name)
        try:
            return await self._storage.write(
                database.id, body, precision=precision, accept_partial=accept_partial, durable=durable
            )
        except EmptyWriteError:
            raise EmptyWrite from None
        except NotUtf8Error as error:
            raise ApiError(400, str(error)) from None
        except StorageError as error:
            raise ApiError(500, str(error)) from error

    async def query(self, name: str, sql: str, parameters: Mapping[str, Scalar] | None, output: str) -> bytes:
        """Run a query. It ends if the task is cancelled.

        Args:
            name: The database.
            sql: The query, with ``$name`` placeholders.
            parameters: Values of the placeholders.
            output: Form of the result: a `sql.Format`, `sql.ROWS` or `sql.SCHEMA`.

        Raises:
            ApiError: 404, the database does not exist; 400 or 405, DataFusion refuses the query; 400, the query is
                too deep, too slow or too large; 500, the process of the query has ended.
            UnsupportedTypeError: `sql.ROWS` has no form for the type of a column.
        """
        return await self._run(name, lambda database: self._sql.answer(database, sql, parameters, output))

    async def query_arrow(self, name: str, sql: str, parameters: Mapping[str, Scalar] | None) -> mmap:
        """Run a query as `query` does. Returns the result as an Arrow stream.

        The memory of the result is free when nothing refers to the returned object.
        """
        return await self._run(name, lambda database: self._sql.arrow_stream(database, sql, parameters))

    async def _run(self, name: str, query: Callable[[DatabaseRef], Awaitable[Result]]) -> Result:
        database = self._catalog.database(name)
        if database is None:
            raise ApiError(404, f"query error: database not found: {name}")
        try:
            return await query(DatabaseRef(database.id, name))
        except QueryFailed as error:
            raise ApiError(error.status, error.text) from None
