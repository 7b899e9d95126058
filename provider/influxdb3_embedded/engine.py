"""Puts the parts of an engine together, and starts and stops them in order."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from influxdb3_embedded.catalog import Catalog
from influxdb3_embedded.model import Flush
from influxdb3_embedded.runner import LogBook, PluginDirectory, PluginEnvironment, Runner
from influxdb3_embedded.runner.plugins.repository import PluginRepository
from influxdb3_embedded.secrecy import CATALOG, make_private
from influxdb3_embedded.services.data import Data
from influxdb3_embedded.services.databases import Databases
from influxdb3_embedded.services.engine_backend import EngineBackend
from influxdb3_embedded.services.system_tables import SystemTables
from influxdb3_embedded.services.tokens import Tokens
from influxdb3_embedded.services.trigger_feed import EngineWriteLog
from influxdb3_embedded.services.triggers import Triggers
from influxdb3_embedded.sql import SqlEngine
from influxdb3_embedded.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from influxdb3_embedded.model import TableBatch
    from influxdb3_embedded.settings import Settings


class EmbeddedEngine:
    """The services that the routes call.

    Args:
        settings: Settings of the engine.

    Attributes:
        settings: Settings of the engine.
        catalog: Definitions of databases, triggers and tokens.
        databases: Creates and deletes databases and tables.
        triggers: Creates, changes and deletes triggers.
        tokens: Creates, deletes and checks tokens.
        data: Writes and queries.
        storage: Schemas and rows, for dry runs.
        plugins: The plugin directory.
        environment: The virtual environment of the plugins.
        runner: Runs the plugins.
        logs: What the triggers logged.

    Raises:
        OSError: The data directory cannot be created.
        CatalogVersionError: A newer release wrote the data.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        node_dir = settings.node_dir
        if settings.data_dir and node_dir:
            make_private(settings.data_dir, node_dir)
        if settings.plugin_dir:
            settings.plugin_dir.mkdir(parents=True, exist_ok=True)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self.storage = Storage(node_dir / "storage" if node_dir else None)
        self.catalog = Catalog(node_dir / CATALOG if node_dir else None)
        self.logs = LogBook()
        location = self._environment_location()
        self.plugins = PluginDirectory(
            settings.plugin_dir,
            environment=location,
            repository=PluginRepository(settings.plugin_repo),
            read_only=settings.plugin_dir_only,
        )
        self.environment = PluginEnvironment(
            location,
            plugin_directory=self.plugins.root,
            passed_on=settings.plugin_env,
            umask=settings.plugin_umask,
        )
        self.environment.tidy()
        system_tables = SystemTables(self.catalog, self.logs, self.plugins)
        self._sql = SqlEngine(self.storage, system_tables.of, settings.query_memory, settings.query_time_limit)
        self.data = Data(self.catalog, self.storage, self._sql)
        self.runner = Runner(
            environment=self.environment,
            directory=self.plugins,
            backend=EngineBackend(self.catalog, self.data),
            logs=self.logs,
            write_log=EngineWriteLog(self.catalog, self.storage),
            time_limit=settings.run_time_limit,
        )
        self.databases = Databases(self.catalog, self.storage, self.runner)
        self.triggers = Triggers(self.catalog, self.runner, self.plugins, allowed=settings.restrict_plugin_triggers_to)
        self.tokens = Tokens(self.catalog)

    async def start(self) -> None:
        """Load the data and start the triggers. All enabled triggers are live when this returns.

        Raises:
            StorageLockedError: Another engine runs on the data directory.
        """
        self._sql.prepare()
        await self.storage.start()
        try:
            await self.databases.start()
            self.storage.feed.subscribe(self._deliver)
            await self.runner.start()
            await self.triggers.start()
        except BaseException:
            await self.stop()
            raise

    async def interrupt(self) -> None:
        """End the queries and interrupt the plugins, within about a second."""
        self._sql.close()
        await self.runner.stop()

    async def stop(self) -> None:
        """Interrupt queries and plugins, and close the data."""
        await self.interrupt()
        await self.databases.stop()
        await self.storage.stop()
        await self.catalog.close()
        if self._temporary:
            self._temporary.cleanup()

    def _deliver(self, database_id: int, sequence: int, batches: Sequence[TableBatch]) -> None:
        database = self.catalog.database_name(database_id)
        if database is not None:
            self.runner.deliver(Flush(database, sequence, batches))

    def _environment_location(self) -> Path:
        settings = self.settings
        if settings.virtual_env_location:
            return settings.virtual_env_location
        # without a plugin directory, only plugins of a repository run
        if directory := settings.plugin_dir or settings.node_dir:
            return directory / ".venv"
        self._temporary = tempfile.TemporaryDirectory(prefix="influxdb3-embedded-")
        return Path(self._temporary.name) / ".venv"
