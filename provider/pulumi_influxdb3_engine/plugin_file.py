"""Single-file plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
from pulumi.dynamic import Resource

from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._sources import one_of, read_file
from pulumi_influxdb3_engine.logic.plugin_file import PluginFileLogic

if TYPE_CHECKING:
    import os


class PluginFileProvider(EngineProvider):
    """Dynamic provider of plugin files."""

    logic = PluginFileLogic()


class PluginFile(Resource, module="influxdb3", name="PluginFile"):
    """A file in the server's plugin directory.

    Args:
        resource_name: The resource's name in the program.
        plugin_name: Path below the plugin directory, such as ``report.py``; default is ``resource_name``.
        source: The file to read, relative to the program; or
        content: the text itself.
        trigger_name: Send changes through the trigger of that name (``PUT plugins/files``) instead of by path.
        opts: Options of the resource.

    The content is an input: ``pulumi preview --diff`` shows the code that changes. The API cannot delete files:
    destroying leaves the file and says so.
    """

    plugin_name: pulumi.Output[str]
    content: pulumi.Output[str]
    plugin_filename: pulumi.Output[str]
    """What triggers name as their ``plugin_filename``; known during preview."""
    content_sha256: pulumi.Output[str]
    """SHA-256 of the content in hexadecimal; known during preview."""

    def __init__(
        self,
        resource_name: str,
        *,
        plugin_name: pulumi.Input[str] | None = None,
        source: str | os.PathLike[str] | None = None,
        content: pulumi.Input[str] | None = None,
        trigger_name: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        where = f"PluginFile {resource_name!r}"
        one_of(where, source=source, content=content)
        properties = {
            "plugin_name": resource_name if plugin_name is None else plugin_name,
            "content": read_file(where, source) if source is not None else content,
            "trigger_name": trigger_name,
            "plugin_filename": None,
            "content_sha256": None,
        }
        super().__init__(PluginFileProvider(), resource_name, properties, opts)
