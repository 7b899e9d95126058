"""The logic of single-file plugins."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, ClassVar

from influxdb3_engine_api import EngineApiError
from pulumi_influxdb3_engine.logic.inputs import UNKNOWN, Failure, Inputs, InvalidInputs
from pulumi_influxdb3_engine.logic.names import PluginPath, TriggerName
from pulumi_influxdb3_engine.logic.notices import notice
from pulumi_influxdb3_engine.logic.plugin_source import KNOWN_SOURCES, PluginSourceError, parse_file
from pulumi_influxdb3_engine.logic.probe import ProbeFailed, probe
from pulumi_influxdb3_engine.logic.resource import Created, Difference, Live, ResourceError, ResourceLogic
from pulumi_influxdb3_engine.logic.retry import repeated

if TYPE_CHECKING:
    from pulumi_influxdb3_engine.logic.configuration import Configuration, Engine
    from pulumi_influxdb3_engine.logic.resource import Properties


def sha256(content: str) -> str:
    """SHA-256 of a text as UTF-8, in hexadecimal."""
    return hashlib.sha256(content.encode()).hexdigest()


class PluginFileInputs(Inputs):
    """A plugin file as a program declares it."""

    derived: ClassVar[frozenset[str]] = frozenset({"plugin_filename", "content_sha256"})

    plugin_name: PluginPath
    content: str
    trigger_name: TriggerName | None = None
    plugin_filename: str | None = None
    content_sha256: str | None = None


class PluginFileLogic(ResourceLogic[PluginFileInputs]):
    """Plugin files (contract 1.7)."""

    inputs_type = PluginFileInputs

    def check(self, inputs: PluginFileInputs, configuration: Configuration) -> PluginFileInputs:
        """Derive the file name and the hash; refuse Python that does not parse."""
        del configuration
        derived: dict[str, Any] = {"plugin_filename": inputs.plugin_name, "content_sha256": UNKNOWN}
        if inputs.known("content"):
            derived["content_sha256"] = sha256(inputs.content)
            if inputs.known("plugin_name") and inputs.plugin_name.endswith(".py"):
                try:
                    KNOWN_SOURCES.declare(inputs.plugin_name, parse_file(inputs.plugin_name, inputs.content))
                except PluginSourceError as error:
                    raise InvalidInputs([Failure(property="content", reason=str(error))]) from None
        return inputs.model_copy(update=derived)

    def diff(self, state: PluginFileInputs, inputs: PluginFileInputs) -> Difference:
        """Another name is another file."""
        changed = state.changed(inputs, frozenset({"trigger_name"}))
        return Difference(bool(changed), ("plugin_name",) if "plugin_name" in changed else ())

    def create(self, inputs: PluginFileInputs, engine: Engine) -> Created:
        """One request; writing a file twice is harmless, so a lost answer is settled by writing it again."""
        try:
            repeated(lambda: engine.client.create_plugin_file(inputs.plugin_name, inputs.content))
        except EngineApiError as error:
            raise ResourceError(f"plugin file {inputs.plugin_name!r} was not written: {error}") from error
        return Created(inputs.plugin_name)

    def read(self, state: PluginFileInputs, outputs: Properties, engine: Engine) -> Live[PluginFileInputs] | None:
        """The file's content as the probe finds it, so that an edit by hand shows as a diff of code."""
        try:
            content = probe(engine.client, contents=[state.plugin_name]).contents[state.plugin_name]
        except ProbeFailed as error:
            notice(f"plugin file {state.plugin_name!r} is taken as unchanged: {error}")
            return Live(state, outputs)
        if content is None:
            return None
        return Live(state.model_copy(update={"content": content, "content_sha256": sha256(content)}), outputs)

    def update(self, state: PluginFileInputs, inputs: PluginFileInputs, engine: Engine) -> Properties:
        """Overwrite the file: by POST, or by PUT for the trigger named."""
        if not state.changed(inputs, frozenset({"trigger_name"})):
            return {}
        try:
            repeated(lambda: self._write(inputs, engine))
        except EngineApiError as error:
            raise ResourceError(f"plugin file {inputs.plugin_name!r} was not changed: {error}") from error
        return {}

    def _write(self, inputs: PluginFileInputs, engine: Engine) -> None:
        if inputs.trigger_name is None:
            engine.client.create_plugin_file(inputs.plugin_name, inputs.content)
        else:
            engine.client.update_plugin_file(inputs.trigger_name, inputs.content)

    def delete(self, state: PluginFileInputs, engine: Engine) -> None:
        """The API cannot delete files: say so."""
        del engine
        notice(f"plugin file {state.plugin_name!r} stays on the server: its API has no way to delete it")
