"""The resource ``PluginFile``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, overload

import pulumi

from pulumi_influxdb3_engine._arguments import source_text
from pulumi_influxdb3_engine._assets import read_file_source
from pulumi_influxdb3_engine._code_resource import CodeResource, code_properties
from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._resource import ResourceArgs, arguments, deleting_first
from pulumi_influxdb3_engine._sources import require_exactly_one
from pulumi_influxdb3_engine.dry_runs import DryRunTest

if TYPE_CHECKING:
    from influxdb3_engine_resources.plugins.file import PluginFileLogic


class PluginFileProvider(EngineProvider):
    """Dynamic provider of plugin files."""

    def _logic(self) -> PluginFileLogic:
        """What a plugin file does."""
        from influxdb3_engine_resources.plugins.file import PluginFileLogic  # noqa: PLC0415 - see _dynamic

        return PluginFileLogic()


class PluginManifest(TypedDict, total=False):
    """What a plugin's manifest says of where the plugin runs.

    Attributes:
        database_version: Range of the server's releases, as Cargo reads ranges: ``">=3.8.2"``. Default: any.
        triggers: Entry points that the plugin supports, such as ``["process_writes"]``. Default: those that it defines.
    """

    database_version: pulumi.Input[str]
    triggers: pulumi.Input[Sequence[pulumi.Input[str]]]


@dataclass(kw_only=True)
class PluginFileArgs(ResourceArgs):
    """The arguments of a ``PluginFile`` as one value; ``PluginFile`` describes them."""

    plugin_name: pulumi.Input[str] | None = None
    source: str | os.PathLike[str] | pulumi.Asset | None = None
    sha256: str | None = None
    expected_sha256: pulumi.Input[str] | None = None
    content: pulumi.Input[str] | None = None
    trigger_name: pulumi.Input[str] | None = None
    test: pulumi.Input[DryRunTest | Sequence[pulumi.Input[DryRunTest]]] | None = None
    manifest: pulumi.Input[PluginManifest] | None = None
    adopt: pulumi.Input[bool] | None = None
    retain: pulumi.Input[bool] | None = None
    delete_on_destroy: pulumi.Input[bool] | None = None


class PluginFile(CodeResource, module="influxdb3", name="PluginFile"):
    """A plugin of one file in the server's plugin directory.

    Args:
        resource_name: The resource's name in the program.
        args: All the following as one ``PluginFileArgs``, instead of by keyword.
        plugin_name: Path below the plugin directory, such as ``report.py``; default: ``resource_name``.
        source: Path of the file, relative to the program. The program reads it; an output is not possible. Set either
            ``source`` or ``content``.
            Pulumi's assets are possible: ``FileAsset``, ``StringAsset``, ``RemoteAsset``.
        sha256: The SHA-256 that the bytes of ``source`` must have, in hexadecimal; default: any. Pins a
            ``RemoteAsset``, which is kept in the user's cache then.
        expected_sha256: The ``content_sha256`` that the code must have, such as an output of the stack that this one
            is promoted from; default: any. Other code is refused, and the error shows both hashes.
        content: The text of the file.
        trigger_name: Send changes through the trigger of that name (``PUT plugins/files``); default: by path.
        test: Dry runs that the new code has to pass before the live file is overwritten; default: none. A failed dry
            run fails the deployment and shows the plugin's log; the live file stays.
        manifest: What the plugin's manifest says about where it runs; default: nothing. ``Plugin`` sets it. Another
            release of the server fails the deployment before a file is written.
        adopt: Take over an existing file with other content; default: False. ``influxdb3:adopt`` sets it for all
            resources. Without ``adopt``, such a file is an error. A file with the same content is always taken over.
        retain: Whether the file stays on destroy; default: True, and a warning says so. With False, destroy removes
            the file, unless a trigger still runs it.
        delete_on_destroy: Deprecated: ``delete_on_destroy=True`` is ``retain=False``.
        engine: Name of the server in ``influxdb3:engines``; default: the stack's default server. Another name replaces
            the resource: it is created on the new server, then deleted on the old one.
        opts: Options of the resource.

    Raises:
        TypeError: An argument is unknown, or passed both in ``args`` and by keyword.
        SourceError: An argument or the stack's configuration is invalid, or a file cannot be read.

    ``pulumi preview --diff`` shows the lines of code that change. ``pulumi refresh`` shows what somebody changed on the
    server. All hosts in ``influxdb3:pluginHosts`` get the new content; if one fails, all keep the old content.
    """

    @overload
    def __init__(
        self, resource_name: str, args: PluginFileArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self,
        resource_name: str,
        *,
        plugin_name: pulumi.Input[str] | None = None,
        source: str | os.PathLike[str] | pulumi.Asset | None = None,
        sha256: str | None = None,
        expected_sha256: pulumi.Input[str] | None = None,
        content: pulumi.Input[str] | None = None,
        trigger_name: pulumi.Input[str] | None = None,
        test: pulumi.Input[DryRunTest | Sequence[pulumi.Input[DryRunTest]]] | None = None,
        manifest: pulumi.Input[PluginManifest] | None = None,
        adopt: pulumi.Input[bool] | None = None,
        retain: pulumi.Input[bool] | None = None,
        delete_on_destroy: pulumi.Input[bool] | None = None,
        engine: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: PluginFileArgs | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **by_keyword: Any,
    ) -> None:
        args = arguments(PluginFileArgs, resource_name, args, by_keyword)
        where = f"PluginFile {resource_name!r}"
        require_exactly_one(where, source=args.source, content=args.content)
        name = resource_name if args.plugin_name is None else args.plugin_name
        python = not isinstance(name, str) or name.endswith(".py")
        properties = {
            "plugin_name": name,
            "content": source_text(where, "content", args.content, python=python)
            if args.source is None
            else read_file_source(where, args.source, args.sha256, python=python),
        } | code_properties(where, args)
        super().__init__(PluginFileProvider(), resource_name, properties, deleting_first(opts))

    @property
    def plugin_name(self) -> pulumi.Output[str]:
        """Path below the plugin directory."""
        return self._output("plugin_name")

    @property
    def content(self) -> pulumi.Output[str]:
        """The text of the file."""
        return self._output("content")
