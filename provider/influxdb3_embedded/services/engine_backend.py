"""The part of the engine that plugins reach through ``influxdb3_local`` (contract 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_embedded.errors import ApiError
from influxdb3_embedded.model import INTERNAL
from influxdb3_embedded.runner import PluginQueryError, PluginWriteError
from influxdb3_embedded.sql import ROWS, UnsupportedTypeError
from influxdb3_embedded.storage import Precision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from influxdb3_embedded.catalog import Catalog
    from influxdb3_embedded.model import TriggerKey
    from influxdb3_embedded.services.data import Data


class EngineBackend:
    """Implements ``runner.PluginBackend``.

    Args:
        catalog: Databases and triggers.
        data: Writes and queries.
    """

    def __init__(self, catalog: Catalog, data: Data) -> None:
        self._catalog = catalog
        self._data = data

    async def query(self, database: str, sql: str, args: Mapping[str, str] | None) -> bytes:
        """Run a query and return its rows as JSON; raises `PluginQueryError`."""
        if self._catalog.database(database) is None:
            raise PluginQueryError(f"database not found: {database}")
        try:
            return await self._data.query(database, sql, args, ROWS)
        except ApiError as error:
            raise PluginQueryError(f"error while planning query: {error.text}") from None
        except UnsupportedTypeError as error:
            raise PluginQueryError(str(error)) from None

    async def write(self, database: str, lines: bytes, *, durable: bool) -> None:
        """Write all lines or none; raises `PluginWriteError`."""
        if database == INTERNAL:
            # as in release 3.11; release 3.10.0 accepts such writes (contract 5.3)
            raise PluginWriteError("cannot modify internal db")
        try:
            outcome = await self._data.write(
                database, lines, precision=Precision.NANOSECOND, accept_partial=False, durable=durable
            )
        except ApiError as error:
            raise PluginWriteError(error.text) from None
        if outcome.errors:
            raise PluginWriteError(f"line protocol parse failed: {outcome.errors[0].message}")

    async def disabled_by_error(self, key: TriggerKey) -> None:
        """Record that a failed trigger is disabled, unless it has been deleted meanwhile."""
        try:
            await self._catalog.set_trigger_disabled(key, disabled=True)
        except ApiError:
            return
