"""The engine as plugins reach it through ``influxdb3_local`` (contract 5)."""

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
    """Implements ``runner.PluginBackend`` on the catalog and the data.

    Args:
        catalog: What exists.
        data: What is in it; set once it can be made, which is after the runner that needs this backend.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.data: Data | None = None

    async def query(self, database: str, sql: str, args: Mapping[str, str] | None) -> bytes:
        """Rows of a query as JSON; raises `PluginQueryError`."""
        assert self.data is not None
        if self._catalog.database(database) is None:
            raise PluginQueryError(f"database not found: {database}")
        try:
            return await self.data.query(database, sql, args, ROWS)
        except ApiError as error:
            raise PluginQueryError(f"error while planning query: {error.text}") from None
        except UnsupportedTypeError as error:
            raise PluginQueryError(str(error)) from None

    async def write(self, database: str, lines: str, *, durable: bool) -> None:
        """Write all lines or none; raises `PluginWriteError`."""
        assert self.data is not None
        if database == INTERNAL:
            # as from 3.11 on; 3.10.0 took such writes (contract 5.3)
            raise PluginWriteError("cannot modify internal db")
        try:
            outcome = await self.data.write(
                database, lines, precision=Precision.NANOSECOND, accept_partial=False, durable=durable
            )
        except ApiError as error:
            raise PluginWriteError(error.text) from None
        if outcome.errors:
            raise PluginWriteError(f"line protocol parse failed: {outcome.errors[0].message}")

    async def disabled_by_error(self, key: TriggerKey) -> None:
        """Record that a failed trigger has been disabled; it may have been deleted meanwhile."""
        try:
            await self._catalog.set_trigger_disabled(key, disabled=True)
        except ApiError:
            return
