"""The resource ``PluginDirectory``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import pulumi

from pulumi_influxdb3_engine._arguments import as_list, files_by_path
from pulumi_influxdb3_engine._assets import read_directory_source
from pulumi_influxdb3_engine._code_resource import CodeResource, code_properties
from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._resource import ResourceArgs, arguments, deleting_first, without_none
from pulumi_influxdb3_engine._sources import SourceError, require_exactly_one
from pulumi_influxdb3_engine.dry_runs import DryRunTest
from pulumi_influxdb3_engine.plugin_file import PluginManifest

if TYPE_CHECKING:
    from influxdb3_engine_resources.plugins.directory import PluginDirectoryLogic


class PluginDirectoryProvider(EngineProvider):
    """Dynamic provider of plugin directories."""

    def _logic(self) -> PluginDirectoryLogic:
        """What a plugin directory does."""
        from influxdb3_engine_resources.plugins.directory import PluginDirectoryLogic  # noqa: PLC0415 - see _dynamic

        return PluginDirectoryLogic()


@dataclass(kw_only=True)
class PluginDirectoryArgs(ResourceArgs):
    """The arguments of a ``PluginDirectory`` as one value; ``PluginDirectory`` describes them."""

    plugin_name: pulumi.Input[str] | None = None
    source: str | os.PathLike[str] | pulumi.Archive | None = None
    sha256: str | None = None
    expected_sha256: pulumi.Input[str] | None = None
    files: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    exclude: Sequence[str] | None = None
    in_place: pulumi.Input[bool] | None = None
    trigger_name: pulumi.Input[str] | None = None
    test: pulumi.Input[DryRunTest | Sequence[pulumi.Input[DryRunTest]]] | None = None
    manifest: pulumi.Input[PluginManifest] | None = None
    adopt: pulumi.Input[bool] | None = None
    retain: pulumi.Input[bool] | None = None
    delete_on_destroy: pulumi.Input[bool] | None = None


class PluginDirectory(CodeResource, module="influxdb3", name="PluginDirectory"):
    """A plugin of several files: a Python package with its entry point in ``__init__.py``.

    Args:
        resource_name: The resource's name in the program.
        args: All the following as one ``PluginDirectoryArgs``, instead of by keyword.
        plugin_name: Name of the package; default: ``resource_name``.
        source: Path of the directory, relative to the program. The program reads it and follows links; an output is
            not possible. Set either ``source`` or ``files``.
            Pulumi's archives are possible: ``FileArchive`` (a directory, or a tar or zip archive), ``AssetArchive``,
            ``RemoteArchive``.
        sha256: The SHA-256 that the file with the archive must have, in hexadecimal; default: any. Pins a
            ``RemoteArchive``, which is kept in the user's cache then.
        expected_sha256: The ``content_sha256`` that the code must have, such as an output of the stack that this one
            is promoted from; default: any. Other code is refused, and the error shows both hashes.
        files: Text of the files by relative path.
        exclude: Patterns as in ``.gitignore`` for files in ``source`` to leave out: ``["*.png", "data/"]``. Hidden
            files, ``__pycache__``, virtual environments, ``*.egg-info`` and ``node_modules`` are always left out,
            unless a pattern such as ``"!.keep"`` includes them.
        in_place: Replace the files of the live directory instead of writing a new directory; default: False. A real
            server runs the modules that it has imported until it restarts.
        trigger_name: The trigger that uses the directory; required for ``in_place``.
        test: Dry runs that the plugin has to pass before a trigger is swapped to it, or before ``in_place`` replaces
            files; default: none. A failed dry run fails the deployment and shows the plugin's log; live code stays.
        manifest: What the plugin's manifest says about where it runs; default: nothing. ``Plugin`` sets it. Another
            release of the server fails the deployment before a file is written.
        adopt: Take over an existing directory with other files, for ``in_place``; default: False. ``influxdb3:adopt``
            sets it for all resources. Without ``adopt``, such a directory is an error.
        retain: Whether the files stay on destroy, and the directories that updates have replaced; default: True, and a
            warning says so. With False, destroy removes the files, and each update removes the replaced directories
            that no trigger runs.
        delete_on_destroy: Deprecated: ``delete_on_destroy=True`` is ``retain=False``.
        engine: Name of the server in ``influxdb3:engines``; default: the stack's default server. Another name replaces
            the resource: it is created on the new server, then deleted on the old one.
        opts: Options of the resource.

    Raises:
        TypeError: An argument is unknown, or passed both in ``args`` and by keyword.
        SourceError: An argument or the stack's configuration is invalid, or a file cannot be read.

    By default a change goes to a new directory ``NAME_HASH/``, and a trigger that names ``plugin_filename`` is swapped
    to it. The trigger never sees half of a change. All hosts in ``influxdb3:pluginHosts`` get the files, or none.
    """

    @overload
    def __init__(
        self, resource_name: str, args: PluginDirectoryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self,
        resource_name: str,
        *,
        plugin_name: pulumi.Input[str] | None = None,
        source: str | os.PathLike[str] | pulumi.Archive | None = None,
        sha256: str | None = None,
        expected_sha256: pulumi.Input[str] | None = None,
        files: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        exclude: Sequence[str] | None = None,
        in_place: pulumi.Input[bool] | None = None,
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
        args: PluginDirectoryArgs | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **by_keyword: Any,
    ) -> None:
        args = arguments(PluginDirectoryArgs, resource_name, args, by_keyword)
        where = f"PluginDirectory {resource_name!r}"
        require_exactly_one(where, source=args.source, files=args.files)
        patterns = as_list(where, "exclude", args.exclude)
        if patterns is not None and (args.source is None or not all(isinstance(each, str) for each in patterns)):
            raise SourceError(f"{where}: exclude is a list of patterns for source=: leave it out with files=")
        properties = (
            {
                "plugin_name": resource_name if args.plugin_name is None else args.plugin_name,
                "files": files_by_path(
                    where,
                    args.files
                    if args.source is None
                    else read_directory_source(where, args.source, args.sha256, patterns or ()),
                ),
            }
            | without_none(in_place=args.in_place)
            | code_properties(where, args)
        )
        super().__init__(PluginDirectoryProvider(), resource_name, properties, deleting_first(opts))

    @property
    def plugin_name(self) -> pulumi.Output[str]:
        """Name of the package."""
        return self._output("plugin_name")

    @property
    def files(self) -> pulumi.Output[dict[str, str]]:
        """The text of the files by ``./PATH`` below the directory."""
        return self._output("files")

    @property
    def in_place(self) -> pulumi.Output[bool]:
        """Whether a change replaces the files of the live directory."""
        return self._output("in_place", default=False)
