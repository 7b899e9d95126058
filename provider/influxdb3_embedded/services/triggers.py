"""Creates, enables, disables and deletes triggers (contract 1.2 to 1.4)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from influxdb3_embedded.errors import ApiError, PluginError, TriggerEnabled
from influxdb3_embedded.model import Trigger, TriggerKey
from influxdb3_embedded.runner import PluginFileError
from influxdb3_engine_api import specification
from influxdb3_engine_api.specification import PluginType, Specification, SpecificationError

if TYPE_CHECKING:
    from influxdb3_embedded.catalog import Catalog
    from influxdb3_embedded.runner import PluginDirectory, Runner
    from influxdb3_engine_api.wire import CreateTrigger

MAX_SPECIFICATION_LENGTH = 4_000
"""Characters of a specification. The time to parse a cron expression grows with the square of its length."""


class Triggers:
    """The triggers of an engine.

    Changes of the same trigger wait for each other. Changes of other triggers do not wait.

    Args:
        catalog: The definitions of the triggers.
        runner: Runs the triggers.
        plugins: The plugin directory.
        allowed: Types of triggers that can be created (``--restrict-plugin-triggers-to``).
    """

    def __init__(
        self, catalog: Catalog, runner: Runner, plugins: PluginDirectory, *, allowed: frozenset[PluginType]
    ) -> None:
        self._catalog = catalog
        self._runner = runner
        self._plugins = plugins
        self._allowed = allowed
        self._locks: WeakValueDictionary[TriggerKey, asyncio.Lock] = WeakValueDictionary()

    async def start(self) -> None:
        """Start all enabled triggers in the order of creation: of two on one request path, the newer one answers."""
        await self._runner.resume([trigger for trigger in self._catalog.triggers() if not trigger.disabled])

    async def create(self, body: CreateTrigger) -> None:
        """Create a trigger, and start it unless it is disabled.

        Raises:
            ApiError: A check of contract 1.2 failed. The order of the checks is that of the contract.
        """
        if len(body.trigger_specification) > MAX_SPECIFICATION_LENGTH:
            raise ApiError(400, f"failed to parse trigger: longer than {MAX_SPECIFICATION_LENGTH} characters")
        if self._allowed != frozenset(PluginType):
            plugin_type = _parse(body.trigger_specification).plugin_type
            if plugin_type not in self._allowed:
                raise ApiError(
                    400, f"invalid request: server is configured to reject {plugin_type.value} plugin triggers"
                )
        try:
            source = await self._plugins.load(body.plugin_filename)
        except PluginFileError as error:
            raise PluginError(error.text) from None
        trigger = Trigger(
            database=body.db,
            name=body.trigger_name,
            plugin_filename=body.plugin_filename,
            specification=_parse(body.trigger_specification),
            run_async=body.trigger_settings.run_async,
            error_behavior=body.trigger_settings.error_behavior,
            arguments=body.trigger_arguments,
            disabled=body.disabled,
        )
        async with self._lock(trigger.key):
            await self._catalog.create_trigger(trigger)
            if not trigger.disabled:
                await self._runner.start_trigger(trigger, source)

    async def enable(self, key: TriggerKey) -> None:
        """Start a trigger unless it is enabled; raises `ApiError` 404 if it does not exist."""
        async with self._lock(key):
            if self._catalog.trigger(key).disabled:
                await self._runner.start_trigger(await self._catalog.set_trigger_disabled(key, disabled=False))

    async def disable(self, key: TriggerKey) -> None:
        """Stop a trigger unless it is disabled; raises `ApiError` 404 if it does not exist.

        The trigger first gets all earlier writes. If the engine crashes meanwhile, the trigger is still enabled, and
        gets the other writes after a restart.
        """
        async with self._lock(key):
            if self._catalog.trigger(key).disabled:
                return
            try:
                await self._runner.finish_trigger(key)
                await self._catalog.set_trigger_disabled(key, disabled=True)
            except BaseException:
                self._runner.go_on(key)
                raise
            await self._runner.stop_trigger(key)

    async def delete(self, key: TriggerKey, *, force: bool) -> None:
        """Delete a trigger.

        Args:
            key: The trigger.
            force: Whether to delete the trigger even if it is enabled.

        Raises:
            ApiError: 404, the trigger does not exist; 400, it is enabled and ``force`` is missing.
        """
        async with self._lock(key):
            if not self._catalog.trigger(key).disabled and not force:
                raise TriggerEnabled(key.name)
            await self._catalog.delete_trigger(key)
            await self._runner.stop_trigger(key)

    def plugin_filename_of(self, trigger_name: str) -> str | None:
        """The plugin of the oldest trigger with a name in any database (contract 1.7); None without such a trigger."""
        for trigger in self._catalog.triggers():
            if trigger.name == trigger_name:
                return trigger.plugin_filename
        return None

    def _lock(self, key: TriggerKey) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())


def _parse(text: str) -> Specification:
    try:
        return specification.parse(text)
    except SpecificationError as error:
        raise ApiError(400, error.server_text) from None
