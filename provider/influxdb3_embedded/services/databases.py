"""Creates, lists and deletes databases and tables (contract 8.2)."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from influxdb3_embedded.errors import ApiError, ResourceExists
from influxdb3_embedded.model import INTERNAL
from influxdb3_embedded.services.names import check_database_name
from influxdb3_embedded.storage import ColumnKind, LimitExceededError, TableExistsError, TableNotFoundError
from influxdb3_embedded.storage.columns import TIME
from influxdb3_engine_api.duration import parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from influxdb3_embedded.catalog import Catalog, Database
    from influxdb3_embedded.runner import Runner
    from influxdb3_embedded.storage import Storage

_DEFAULT_HARD_DELETE = timedelta(hours=72)
_SECONDS_BETWEEN_PURGES = 60.0
_LONGEST_RETENTION = timedelta(days=365 * 290)  # fits into 64 bits of nanoseconds
_MAX_PERIOD_LENGTH = 1_000
_FIELD_KINDS = {
    "utf8": ColumnKind.STRING,
    "int64": ColumnKind.INTEGER,
    "uint64": ColumnKind.UINTEGER,
    "float64": ColumnKind.FLOAT,
    "bool": ColumnKind.BOOLEAN,
}
_log = logging.getLogger(__name__)


async def get_or_create_database(catalog: Catalog, name: str) -> Database:
    """The database of that name; created if it is missing.

    Args:
        catalog: The catalog.
        name: A valid name.

    Raises:
        ApiError: 409, a deleted database still has the name; 400 for ``_internal``.
    """
    while (database := catalog.database(name)) is None:
        if name == INTERNAL or any(known.name == name for known in catalog.databases()):
            return catalog.changeable_database(name)
        try:
            return await catalog.create_database(name)
        except ResourceExists:
            continue  # another write created it meanwhile
    return database


class Databases:
    """The databases of an engine.

    Args:
        catalog: The databases and their retention periods.
        storage: Tables and rows.
        runner: Stops the triggers of a deleted database.
    """

    def __init__(self, catalog: Catalog, storage: Storage, runner: Runner) -> None:
        self._catalog = catalog
        self._storage = storage
        self._runner = runner
        self._purging: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Give storage the retention periods, and start to purge deleted databases."""
        await asyncio.gather(
            *(self._storage.set_retention(database.id, database.retention) for database in self._catalog.databases())
        )
        self._purging = asyncio.create_task(self._purge_forever())

    async def stop(self) -> None:
        """Stop to purge."""
        if self._purging:
            self._purging.cancel()
            await asyncio.gather(self._purging, return_exceptions=True)

    def names(self, *, deleted: bool) -> list[tuple[str, bool]]:
        """Names of the databases in alphabetical order, each with whether the database is deleted.

        Args:
            deleted: Whether to list deleted databases as well.
        """
        return [
            (database.name, database.deleted)
            for database in self._catalog.databases()
            if deleted or not database.deleted
        ]

    async def create(self, name: str, retention_period: str | None) -> None:
        """Create a database.

        Args:
            name: Name of the database.
            retention_period: How long rows are kept, such as ``7d``. Default: for ever.

        Raises:
            ApiError: 400 for an invalid name or period; 409 if the database exists.
        """
        check_database_name(name)
        database = await self._catalog.create_database(name, _retention(retention_period))
        await self._storage.set_retention(database.id, database.retention)

    async def set_retention(self, name: str, retention_period: str | None) -> None:
        """Set or remove the retention period; raises `ApiError` as `create` does, and 404."""
        database = await self._catalog.set_retention(name, _retention(retention_period))
        await self._storage.set_retention(database.id, database.retention)

    async def delete(self, name: str, hard_delete_at: str | None) -> None:
        """Delete a database. Its triggers stop and its name is free at once; its data is removed later.

        Args:
            name: The database.
            hard_delete_at: When to remove the data: ``now``, ``never``, ``default`` (in 72 hours) or an RFC 3339 time.

        Raises:
            ApiError: 404 if the database does not exist; 400 for ``_internal`` and for an invalid time.
        """
        at = _hard_delete_at(hard_delete_at)
        triggers = self._catalog.triggers(name)
        await self._catalog.delete_database(name, at)
        await asyncio.gather(*(self._runner.stop_trigger(trigger.key) for trigger in triggers))
        await self._purge()

    async def create_table(self, name: str, table: str, tags: Sequence[str], fields: Sequence[tuple[str, str]]) -> None:
        """Create a table, and its database if it does not exist.

        Args:
            name: The database.
            table: The table.
            tags: Names of the tags.
            fields: Names and types of the fields. Types: ``utf8``, ``int64``, ``uint64``, ``float64``, ``bool``.

        Raises:
            ApiError: 400 for an invalid name; 409 if the table exists; 422 beyond the limits.
        """
        check_database_name(name)
        kinds = [(tag, ColumnKind.TAG) for tag in tags] + [(field, _FIELD_KINDS[kind]) for field, kind in fields]
        _check_columns(table, kinds)
        database = await get_or_create_database(self._catalog, name)
        try:
            await self._storage.create_table(database.id, table, list(tags), kinds[len(tags) :])
        except TableExistsError:
            raise ResourceExists from None
        except LimitExceededError as error:
            raise ApiError(422, str(error)) from None

    async def delete_table(self, name: str, table: str) -> None:
        """Delete a table and its data; raises `ApiError` 404 if the table or its database does not exist."""
        database = self._catalog.changeable_database(name)
        try:
            await self._storage.drop_table(database.id, table)
        except TableNotFoundError:
            raise ApiError(404, f"Table {table} not in DB schema for {name}") from None

    async def _purge_forever(self) -> None:
        while True:
            try:
                await self._purge()
            except Exception:  # noqa: BLE001 - the next round may succeed
                _log.exception("removing the data of deleted databases failed")
            await asyncio.sleep(_SECONDS_BETWEEN_PURGES)

    async def _purge(self) -> None:
        now = datetime.now(UTC)
        for database in self._catalog.databases():
            if database.hard_delete_at and database.hard_delete_at <= now:
                await self._storage.drop_database(database.id)
                await self._catalog.forget_database(database)


def _check_columns(table: str, columns: Sequence[tuple[str, ColumnKind]]) -> None:
    if not table or not all(name for name, _ in columns):
        raise ApiError(400, "table and column names cannot be empty")
    known: dict[str, ColumnKind] = {}
    for name, kind in columns:
        if name == TIME:
            raise ApiError(400, f"'{TIME}' is a reserved column")
        before = known.setdefault(name, kind)
        if before is not kind:
            raise ApiError(
                400, f"invalid column type for column '{name}', expected {kind.iox_type}, got {before.iox_type}"
            )


def _retention(period: str | None) -> timedelta | None:
    if period is None:
        return None
    if len(period) > _MAX_PERIOD_LENGTH:
        raise ApiError(400, f"invalid retention period: longer than {_MAX_PERIOD_LENGTH} characters")
    nanoseconds = parse_duration(period)
    if not nanoseconds:
        raise ApiError(400, f"invalid retention period '{period}': expected a duration such as 7d")
    longest = _LONGEST_RETENTION // timedelta(microseconds=1)
    return timedelta(microseconds=min(-(-nanoseconds // 1_000), longest))


def _hard_delete_at(text: str | None) -> datetime | None:
    now = datetime.now(UTC)
    if text == "never":
        return None
    if text in (None, "default"):
        return now + _DEFAULT_HARD_DELETE
    if text == "now":
        return now
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        raise ApiError(
            400, f"invalid hard_delete_at '{text}': expected now, never, default or an RFC 3339 time"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
