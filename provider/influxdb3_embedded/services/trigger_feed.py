"""The write-ahead log for the runner: with names of databases and triggers instead of ids."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from influxdb3_embedded.model import Flush, TriggerKey
from influxdb3_embedded.runner import WriteLogUnreadable
from influxdb3_embedded.storage import Follower

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Mapping

    from influxdb3_embedded.catalog import Catalog
    from influxdb3_embedded.storage import Storage


class EngineWriteLog:
    """Implements ``runner.WriteLog``.

    Args:
        catalog: Names of databases.
        storage: The write-ahead log.
    """

    def __init__(self, catalog: Catalog, storage: Storage) -> None:
        self._catalog = catalog
        self._storage = storage

    @property
    def last(self) -> int:
        """Sequence of the newest accepted write."""
        return self._storage.sequence

    def read(self, database: str, *, after: int, through: int, table: str | None) -> Iterator[Flush]:
        """Read flushes; raises `WriteLogUnreadable`."""
        known = self._catalog.database(database)
        if known is None:
            return
        try:
            for sequence, batches in self._storage.feed.replay(known.id, after=after, through=through, table=table):
                yield Flush(database, sequence, batches)
        except sqlite3.Error as error:
            raise WriteLogUnreadable(str(error)) from error

    def keep_after(self, sequence: int | None) -> None:
        """Keep the writes after a sequence."""
        self._storage.feed.keep_after(sequence)

    def positions(self) -> Mapping[TriggerKey, int]:
        """The stored positions."""
        named = (
            (self._catalog.database_name(follower.database_id), follower.name, position)
            for follower, position in self._storage.feed.positions().items()
        )
        return {TriggerKey(database, name): position for database, name, position in named if database is not None}

    def store_positions(self, positions: Mapping[TriggerKey, int | None]) -> asyncio.Future[None]:
        """Store positions, except those of triggers in deleted databases."""
        return self._storage.feed.store_positions(
            {
                Follower(database.id, key.name): position
                for key, position in positions.items()
                if (database := self._catalog.database(key.database)) is not None
            }
        )
