"""Triggers: created, enabled, disabled, deleted (contract 1.2 to 1.4)."""

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


class Triggers:
    """The triggers of an engine.

    Changes of one trigger wait for each other; a plugin that takes its time to stop holds up nothing else.

    Args:
        catalog: What exists.
        runner: What runs.
        plugins: Where their plugins lie.
        allowed: Kinds that can be created (``--restrict-plugin-triggers-to``).
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
        """Start all that are enabled, in the order of creation: of two on one request path the newer one answers."""
        await self._runner.resume([trigger for trigger in self._catalog.triggers() if not trigger.disabled])

    async def create(self, body: CreateTrigger) -> None:
        """Create a trigger and start it, unless it is disabled; the checks are contract 1.2's, in its order.

        Raises:
            ApiError: One of them failed.
        """
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
        """Start a trigger from now; one that is enabled stays so. Raises `ApiError` 404 if it does not exist."""
        async with self._lock(key):
            if self._catalog.trigger(key).disabled:
                await self._runner.start_trigger(await self._catalog.set_trigger_disabled(key, disabled=False))

    async def disable(self, key: TriggerKey) -> None:
        """Stop a trigger and keep it; one that is disabled stays so. Raises `ApiError` 404 if it does not exist.

        It sees first what was written before: after a crash in between it is still enabled, and sees the rest.
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
            force: Whether to stop it first if it is enabled.

        Raises:
            ApiError: 404 where there is none, `TriggerEnabled` where it is and ``force`` is not given.
        """
        async with self._lock(key):
            if not self._catalog.trigger(key).disabled and not force:
                raise TriggerEnabled(key.name)
            await self._catalog.delete_trigger(key)
            await self._runner.stop_trigger(key)

    def plugin_filename_of(self, trigger_name: str) -> str | None:
        """The plugin of the trigger of that name, of the oldest where several databases have one (contract 1.7)."""
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
