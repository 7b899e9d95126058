"""The logic of multi-file plugins: content-addressed directories, so that a trigger never sees half of a change."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator

from influxdb3_engine_api import EngineApiError, ServerError
from pulumi_influxdb3_engine.logic.inputs import UNKNOWN, Failure, Inputs, InvalidInputs
from pulumi_influxdb3_engine.logic.names import PluginDirectoryName, TriggerName, plugin_path
from pulumi_influxdb3_engine.logic.notices import notice
from pulumi_influxdb3_engine.logic.plugin_source import KNOWN_SOURCES, PluginSourceError, parse_directory
from pulumi_influxdb3_engine.logic.probe import ProbeFailed, probe
from pulumi_influxdb3_engine.logic.resource import Created, Difference, Live, ResourceError, ResourceLogic
from pulumi_influxdb3_engine.logic.retry import repeated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi_influxdb3_engine.logic.configuration import Configuration, Engine
    from pulumi_influxdb3_engine.logic.resource import Properties

_ENTRY = "__init__.py"


def files_sha256(files: Mapping[str, str]) -> str:
    """SHA-256 over the paths and contents of a directory, in hexadecimal."""
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()


def as_property(files: Mapping[str, Any]) -> dict[str, Any]:
    """``files`` as a property, whose members start with ``.``: Pulumi hides those that start with two underscores."""
    return {path if path.startswith("./") else f"./{path}": content for path, content in files.items()}


def _file_path(path: str) -> str:
    plugin_path(path.removeprefix("./"))
    return path


class PluginDirectoryInputs(Inputs):
    """A plugin directory as a program declares it; ``files`` maps ``./PATH`` below it to the file's text."""

    derived: ClassVar[frozenset[str]] = frozenset({"plugin_filename", "content_sha256"})

    plugin_name: PluginDirectoryName
    files: dict[Annotated[str, AfterValidator(_file_path)], str]
    in_place: bool = False
    trigger_name: TriggerName | None = None
    plugin_filename: str | None = None
    content_sha256: str | None = None

    @property
    def contents(self) -> dict[str, str]:
        """Text of the files by path below the directory."""
        return {path.removeprefix("./"): content for path, content in self.files.items()}


class PluginDirectoryLogic(ResourceLogic[PluginDirectoryInputs]):
    """Plugin directories (contract 1.7, 4.2)."""

    inputs_type = PluginDirectoryInputs

    def check(self, inputs: PluginDirectoryInputs, configuration: Configuration) -> PluginDirectoryInputs:
        """Derive the hash and the directory's name from the files; refuse files that do not parse."""
        del configuration
        if inputs.known("in_place", "trigger_name") and inputs.in_place and inputs.trigger_name is None:
            reason = "in_place=True replaces the files through the trigger that uses them: name it"
            raise InvalidInputs([Failure(property="trigger_name", reason=reason)])
        if not inputs.known("files"):
            return inputs.model_copy(update={"plugin_filename": UNKNOWN, "content_sha256": UNKNOWN})
        try:
            source = parse_directory(inputs.contents)
        except PluginSourceError as error:
            raise InvalidInputs([Failure(property="files", reason=str(error))]) from None
        if not inputs.known("plugin_name"):
            return inputs.model_copy(update={"plugin_filename": UNKNOWN})
        digest = files_sha256(inputs.contents)
        directory = inputs.plugin_name if inputs.in_place else f"{inputs.plugin_name}_{digest[:12]}"
        KNOWN_SOURCES.declare(directory, source)
        return inputs.model_copy(update={"plugin_filename": directory, "content_sha256": digest})

    def diff(self, state: PluginDirectoryInputs, inputs: PluginDirectoryInputs) -> Difference:
        """Another name is another directory; other files are an update, which leaves the old directory in place."""
        changed = state.changed(inputs, frozenset({"trigger_name"}))
        return Difference(bool(changed), ("plugin_name",) if "plugin_name" in changed else ())

    def create(self, inputs: PluginDirectoryInputs, engine: Engine) -> Created:
        """One request a file."""
        self._upload(inputs, engine)
        return Created(inputs.plugin_name)

    def read(
        self, state: PluginDirectoryInputs, outputs: Properties, engine: Engine
    ) -> Live[PluginDirectoryInputs] | None:
        """The files' contents as the probe finds them, in one request."""
        paths = {name: f"{state.plugin_filename}/{name}" for name in state.contents}
        try:
            contents = probe(engine.client, contents=list(paths.values())).contents
        except ProbeFailed as error:
            notice(f"plugin directory {state.plugin_name!r} is taken as unchanged: {error}")
            return Live(state, outputs)
        found = {name: content for name, path in paths.items() if (content := contents[path]) is not None}
        if not found:
            return None
        live = {"files": as_property(found), "content_sha256": files_sha256(found)}
        return Live(state.model_copy(update=live), outputs)

    def update(self, state: PluginDirectoryInputs, inputs: PluginDirectoryInputs, engine: Engine) -> Properties:
        """New files go to a new directory, which the trigger is then swapped to; or into the old one, if asked for."""
        if not state.changed(inputs, frozenset({"trigger_name"})):
            return {}
        if inputs.in_place and inputs.trigger_name is not None:
            try:
                repeated(partial(engine.client.update_plugin_directory, inputs.trigger_name, inputs.contents))
            except ServerError as error:
                if "Plugin not found" not in error.text:
                    raise ResourceError(f"plugin directory {inputs.plugin_name!r} was not changed: {error}") from error
            except EngineApiError as error:
                raise ResourceError(f"plugin directory {inputs.plugin_name!r} was not changed: {error}") from error
            else:
                return {}
        self._upload(inputs, engine)
        return {}

    def delete(self, state: PluginDirectoryInputs, engine: Engine) -> None:
        """The API cannot delete files: say so."""
        del engine
        notice(f"plugin directory {state.plugin_filename!r} stays on the server: its API has no way to delete it")

    def _upload(self, inputs: PluginDirectoryInputs, engine: Engine) -> None:
        # __init__.py last: a directory without it is no plugin, so none can be used before it is whole
        contents = inputs.contents
        for name in sorted(contents, key=lambda name: (name == _ENTRY, name)):
            try:
                path, content = f"{inputs.plugin_filename}/{name}", contents[name]
                repeated(partial(engine.client.create_plugin_file, path, content))
            except EngineApiError as error:
                raise ResourceError(
                    f"plugin directory {inputs.plugin_filename!r} was not completed, no trigger uses it yet: "
                    f"{name} was not written: {error}"
                ) from error
