"""Writing and querying by the database's name, for the endpoints and for plugins alike (contract 5, 7.1 and 8.1)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from influxdb3_embedded.errors import ApiError
from influxdb3_embedded.sql import DatabaseRef, QueryFailed
from influxdb3_embedded.sql.depth import DEEPEST, SHORTEST_DEEP, depth
from influxdb3_embedded.storage import EmptyWriteError, NotUtf8Error, StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from influxdb3_embedded.catalog import Catalog
    from influxdb3_embedded.databases import Databases
    from influxdb3_embedded.parameters import Scalar
    from influxdb3_embedded.sql import SqlEngine
    from influxdb3_embedded.storage import Precision, Storage, WriteOutcome


class Data:
    """What is in the databases.

    Args:
        catalog: Which databases there are.
        databases: Creates those that a write names first.
        storage: Keeps the rows.
        sql: Answers queries.
    """

    def __init__(self, catalog: Catalog, databases: Databases, storage: Storage, sql: SqlEngine) -> None:
        self._catalog = catalog
        self._databases = databases
        self._storage = storage
        self._sql = sql

    async def write(
        self, name: str, body: bytes | str, *, precision: Precision, accept_partial: bool, durable: bool
    ) -> WriteOutcome:
        """Write line protocol; the database is created if it is missing.

        Args:
            name: The database; its name has been checked by the caller.
            body: Line protocol.
            precision: Unit of the timestamps.
            accept_partial: Whether the good lines are stored where others are bad.
            durable: Whether to return only when the lines are on disk.

        Returns:
            How many lines are stored and what is wrong with the others.

        Raises:
            ApiError: 400 where there is nothing to write or no text, 500 where the disk refuses.
        """
        database = await self._databases.ensure(name)
        try:
            return await self._storage.write(
                database.id, body, precision=precision, accept_partial=accept_partial, durable=durable
            )
        except (EmptyWriteError, NotUtf8Error) as error:
            raise ApiError(400, str(error)) from None
        except StorageError as error:
            raise ApiError(500, str(error)) from error

    async def query(self, name: str, sql: str, parameters: Mapping[str, Scalar] | None) -> pa.Table:
        """Run a query.

        Args:
            name: The database.
            sql: The query, with ``$name`` placeholders.
            parameters: Values of the placeholders.

        Returns:
            The rows; an empty result keeps its columns.

        Raises:
            ApiError: 404 where there is no such database, 400 or 405 with DataFusion's text, 400 for a query that is
                too deep for it.
        """
        database = self._catalog.database(name)
        if database is None:
            raise ApiError(404, f"query error: database not found: {name}")
        await _refuse_too_deep(sql)
        try:
            return await self._sql.query(DatabaseRef(database.id, name), sql, parameters)
        except QueryFailed as error:
            raise ApiError(error.status, error.text) from None


async def _refuse_too_deep(sql: str) -> None:
    if len(sql) < SHORTEST_DEEP:
        return
    found = await asyncio.to_thread(depth, sql)
    if found > DEEPEST:
        raise ApiError(400, f"Error during planning: {found} operators in a row are more than {DEEPEST}")
