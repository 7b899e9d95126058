"""Writing and querying by the database's name, for the endpoints and for plugins alike (contract 5, 7.1 and 8.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_embedded.errors import ApiError
from influxdb3_embedded.services.databases import get_or_create_database
from influxdb3_embedded.sql import DatabaseRef, QueryFailed
from influxdb3_embedded.storage import EmptyWriteError, NotUtf8Error, StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from influxdb3_embedded.catalog import Catalog
    from influxdb3_embedded.sql import SqlEngine
    from influxdb3_embedded.storage import Precision, Storage, WriteOutcome
    from influxdb3_engine_api.client import Scalar


class Data:
    """What is in the databases.

    Args:
        catalog: Which databases there are.
        storage: Keeps the rows.
        sql: Answers queries.
    """

    def __init__(self, catalog: Catalog, storage: Storage, sql: SqlEngine) -> None:
        self._catalog = catalog
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
        database = await get_or_create_database(self._catalog, name)
        try:
            return await self._storage.write(
                database.id, body, precision=precision, accept_partial=accept_partial, durable=durable
            )
        except (EmptyWriteError, NotUtf8Error) as error:
            raise ApiError(400, str(error)) from None
        except StorageError as error:
            raise ApiError(500, str(error)) from error

    async def query(self, name: str, sql: str, parameters: Mapping[str, Scalar] | None, output: str) -> bytes:
        """Run a query; cancelled, it ends.

        Args:
            name: The database.
            sql: The query, with ``$name`` placeholders.
            parameters: Values of the placeholders.
            output: How to write the rows: a `sql.Format` or `sql.ROWS`.

        Raises:
            ApiError: 404 where there is no such database; 400 or 405 with DataFusion's text; 400 for a query that is
                too deep for it or would take too much time or memory; 500 if its process was ended.
            UnsupportedTypeError: `sql.ROWS` cannot express the type of a column.
        """
        database = self._catalog.database(name)
        if database is None:
            raise ApiError(404, f"query error: database not found: {name}")
        try:
            return await self._sql.answer(DatabaseRef(database.id, name), sql, parameters, output)
        except QueryFailed as error:
            raise ApiError(error.status, error.text) from None
