"""The catalog. Each change is one transaction, which is on disk before the change is answered. Reads use memory."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from influxdb3_embedded.catalog import database_file
from influxdb3_embedded.catalog.records import Database, Token
from influxdb3_embedded.disk import file_errors
from influxdb3_embedded.errors import (
    CatalogUnwritable,
    DatabaseDeleted,
    DatabaseNotFound,
    InternalDatabase,
    ResourceExists,
    ResourceNotFound,
)
from influxdb3_embedded.model import INTERNAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from influxdb3_embedded.model import Trigger, TriggerKey

P = ParamSpec("P")
T = TypeVar("T")


class Catalog:
    """Databases, triggers and tokens.

    One thread makes all changes, one after the other: it checks a change, commits it, and then shows it to readers. So
    a change is completed even if its caller is cancelled.

    Args:
        file: The SQLite file. None: a catalog in memory.

    Raises:
        CatalogVersionError: A newer release wrote the file.
        OSError: The file cannot be opened or created.
    """

    def __init__(self, file: Path | None) -> None:
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="catalog")
        with file_errors(file):
            self._connection = database_file.connect(file)
            self.cluster_uuid = database_file.load_cluster_uuid(self._connection)
            self._databases = {database.name: database for database in database_file.load_databases(self._connection)}
            self._triggers = {trigger.key: trigger for trigger in database_file.load_triggers(self._connection)}
            self._tokens = {token.name: token for token in database_file.load_tokens(self._connection)}

    async def close(self) -> None:
        """Wait for the changes in progress and close the file."""
        await asyncio.to_thread(self._writer.shutdown)
        self._connection.close()

    # reads

    def databases(self) -> list[Database]:
        """All databases by name, also the deleted ones."""
        return sorted(self._databases.values(), key=lambda database: database.name)

    def database(self, name: str) -> Database | None:
        """The database of this name, or None if it does not exist or is deleted."""
        database = self._databases.get(name)
        return None if database is None or database.deleted else database

    def database_name(self, id_: int) -> str | None:
        """The name of a database, or None if it does not exist or is deleted."""
        for database in list(self._databases.values()):
            if database.id == id_:
                return None if database.deleted else database.name
        return None

    def changeable_database(self, name: str) -> Database:
        """The database of this name, for a change in it.

        Raises:
            InternalDatabase: The name is ``_internal``.
            DatabaseNotFound: The database does not exist.
            DatabaseDeleted: The name is that of a soft-deleted database.
        """
        if name == INTERNAL:
            raise InternalDatabase
        database = self._databases.get(name)
        if database is None:
            raise DatabaseNotFound(name)
        if database.deleted:
            raise DatabaseDeleted(name)
        return database

    def triggers(self, database: str | None = None) -> list[Trigger]:
        """The triggers of a database, in the order of creation. Default: of all databases."""
        return [trigger for trigger in list(self._triggers.values()) if database in (None, trigger.database)]

    def trigger(self, key: TriggerKey) -> Trigger:
        """The trigger of this name.

        Raises:
            InternalDatabase, DatabaseNotFound, DatabaseDeleted: As `changeable_database`.
            ResourceNotFound: The trigger does not exist.
        """
        self.changeable_database(key.database)
        trigger = self._triggers.get(key)
        if trigger is None:
            raise ResourceNotFound(key.name)
        return trigger

    def tokens(self) -> list[Token]:
        """All tokens in the order of creation."""
        return list(self._tokens.values())

    # changes of databases

    async def create_database(self, name: str, retention: timedelta | None = None) -> Database:
        """Create a database. Raises `ResourceExists` if the name is in use."""
        return await self._change(self._create_database, name, retention)

    def _create_database(self, name: str, retention: timedelta | None) -> Database:
        if name in self._databases:
            raise ResourceExists
        with self._transaction() as transaction:
            cursor = transaction.execute(
                "INSERT INTO databases (name, retention_us) VALUES (?, ?)",
                (name, database_file.microseconds(retention)),
            )
        assert cursor.lastrowid is not None
        database = Database(cursor.lastrowid, name, retention)
        self._databases[name] = database
        return database

    async def set_retention(self, name: str, retention: timedelta | None) -> Database:
        """Set or clear the retention of a database. Raises what `changeable_database` raises."""
        return await self._change(self._set_retention, name, retention)

    def _set_retention(self, name: str, retention: timedelta | None) -> Database:
        database = replace(self.changeable_database(name), retention=retention)
        with self._transaction() as transaction:
            transaction.execute(
                "UPDATE databases SET retention_us = ? WHERE id = ?",
                (database_file.microseconds(retention), database.id),
            )
        self._databases[name] = database
        return database

    async def delete_database(self, name: str, hard_delete_at: datetime | None) -> Database:
        """Soft-delete a database: rename it and disable its triggers. Its data stays until ``hard_delete_at``.

        Returns:
            The database with its new name, ``NAME-YYYYMMDDTHHMMSS``.

        Raises:
            InternalDatabase, DatabaseDeleted: As `changeable_database`.
            ResourceNotFound: The database does not exist (contract 8.2).
        """
        return await self._change(self._delete_database, name, hard_delete_at)

    def _delete_database(self, name: str, hard_delete_at: datetime | None) -> Database:
        try:
            database = self.changeable_database(name)
        except DatabaseNotFound:
            raise ResourceNotFound(name) from None
        stamp = datetime.now(UTC)
        while (new_name := f"{name}-{stamp:%Y%m%dT%H%M%S}") in self._databases:
            stamp += timedelta(seconds=1)
        deleted = replace(database, name=new_name, deleted=True, hard_delete_at=hard_delete_at)
        with self._transaction() as transaction:
            transaction.execute(
                "UPDATE databases SET name = ?, deleted = 1, hard_delete_at = ? WHERE id = ?",
                (new_name, database_file.stored_time(hard_delete_at), database.id),
            )
            transaction.execute("UPDATE triggers SET disabled = 1 WHERE database_id = ?", (database.id,))
        databases = {key: value for key, value in self._databases.items() if key != name}
        self._databases = databases | {new_name: deleted}
        moved = (
            replace(trigger, database=new_name, disabled=True) if trigger.database == name else trigger
            for trigger in self._triggers.values()
        )
        self._triggers = {trigger.key: trigger for trigger in moved}
        return deleted

    async def forget_database(self, database: Database) -> None:
        """Remove a deleted database and its triggers permanently."""
        await self._change(self._forget_database, database)

    def _forget_database(self, database: Database) -> None:
        with self._transaction() as transaction:
            transaction.execute("DELETE FROM databases WHERE id = ?", (database.id,))
        self._databases = {key: value for key, value in self._databases.items() if value.id != database.id}
        self._triggers = {key: trigger for key, trigger in self._triggers.items() if trigger.database != database.name}

    # changes of triggers

    async def create_trigger(self, trigger: Trigger) -> None:
        """Create a trigger. Raises what `changeable_database` raises, and `ResourceExists` if the name is in use."""
        await self._change(self._create_trigger, trigger)

    def _create_trigger(self, trigger: Trigger) -> None:
        database = self.changeable_database(trigger.database)
        if trigger.key in self._triggers:
            raise ResourceExists
        arguments = None if trigger.arguments is None else json.dumps(dict(trigger.arguments))
        with self._transaction() as transaction:
            transaction.execute(
                "INSERT INTO triggers (database_id, name, plugin_filename, specification, run_async, error_behavior,"
                " arguments, disabled) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    database.id,
                    trigger.name,
                    trigger.plugin_filename,
                    trigger.specification.text,
                    trigger.run_async,
                    trigger.error_behavior.value,
                    arguments,
                    trigger.disabled,
                ),
            )
        self._triggers[trigger.key] = trigger

    async def set_trigger_disabled(self, key: TriggerKey, *, disabled: bool) -> Trigger:
        """Enable or disable a trigger. Raises what `trigger` raises."""
        return await self._change(self._set_trigger_disabled, key, disabled)

    def _set_trigger_disabled(self, key: TriggerKey, disabled: bool) -> Trigger:
        trigger = replace(self.trigger(key), disabled=disabled)
        with self._transaction() as transaction:
            transaction.execute(
                "UPDATE triggers SET disabled = ? WHERE database_id = ? AND name = ?",
                (disabled, self._databases[key.database].id, key.name),
            )
        self._triggers[key] = trigger
        return trigger

    async def delete_trigger(self, key: TriggerKey) -> None:
        """Delete a trigger. Raises what `trigger` raises."""
        await self._change(self._delete_trigger, key)

    def _delete_trigger(self, key: TriggerKey) -> None:
        self.trigger(key)
        with self._transaction() as transaction:
            transaction.execute(
                "DELETE FROM triggers WHERE database_id = ? AND name = ?",
                (self._databases[key.database].id, key.name),
            )
        del self._triggers[key]

    # changes of tokens

    async def create_token(self, name: str, sha512: str, expires: datetime | None) -> Token:
        """Store the hash of a new token. Raises `ResourceExists` if the name is in use."""
        return await self._change(self._store_token, name, sha512, expires, False)

    async def replace_token(self, name: str, sha512: str) -> Token:
        """Replace the hash of a token. Raises `ResourceNotFound` if the token does not exist."""
        return await self._change(self._store_token, name, sha512, None, True)

    def _store_token(self, name: str, sha512: str, expires: datetime | None, replaces: bool) -> Token:
        known = self._tokens.get(name)
        if known is not None and not replaces:
            raise ResourceExists
        if known is None and replaces:
            raise ResourceNotFound(name)
        next_id = max((token.id for token in self._tokens.values()), default=-1) + 1
        token = Token(known.id if known else next_id, name, sha512, datetime.now(UTC), expires)
        with self._transaction() as transaction:
            transaction.execute(
                "INSERT OR REPLACE INTO tokens (id, name, sha512, created, expires) VALUES (?, ?, ?, ?, ?)",
                (token.id, name, sha512, token.created.isoformat(), database_file.stored_time(expires)),
            )
        self._tokens[name] = token
        return token

    async def delete_token(self, name: str) -> None:
        """Delete a token. Raises `ResourceNotFound` if it does not exist."""
        await self._change(self._delete_token, name)

    def _delete_token(self, name: str) -> None:
        if name not in self._tokens:
            raise ResourceNotFound(name)
        with self._transaction() as transaction:
            transaction.execute("DELETE FROM tokens WHERE name = ?", (name,))
        del self._tokens[name]

    # how changes are made

    async def _change(self, work: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Make a change in the catalog's thread. Raises `CatalogUnwritable` if the change cannot be stored."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, lambda: work(*arguments, **keywords))
        except sqlite3.Error as error:
            raise CatalogUnwritable(str(error)) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise
