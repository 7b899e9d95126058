"""Multi-file plugins."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import pulumi

from pulumi_influxdb3_engine._arguments import files_by_path, listed
from pulumi_influxdb3_engine._deprecated import deleted_on_destroy
from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._resource import EngineResource, ResourceArgs, arguments, given, makes_way
from pulumi_influxdb3_engine._sources import SourceError, one_of, read_directory
from pulumi_influxdb3_engine.dry_runs import DryRunTest, dry_runs_property
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
    source: str | os.PathLike[str] | None = None
    files: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    exclude: Sequence[str] | None = None
    in_place: pulumi.Input[bool] | None = None
    trigger_name: pulumi.Input[str] | None = None
    test: pulumi.Input[DryRunTest | Sequence[pulumi.Input[DryRunTest]]] | None = None
    manifest: pulumi.Input[PluginManifest] | None = None
    adopt: pulumi.Input[bool] | None = None
    retain: pulumi.Input[bool] | None = None
    delete_on_destroy: pulumi.Input[bool] | None = None


class PluginDirectory(EngineResource, module="influxdb3", name="PluginDirectory"):
    """A Python package in the server's plugin directory, with its entry point in ``__init__.py``.

    Args:
        resource_name: The resource's name in the program.
        args: All the following as one ``PluginDirectoryArgs``, instead of by keyword.
        plugin_name: Name of the package; default: ``resource_name``.
        source: The directory to read, relative to the program, which reads it: a path, not an output of one. Links are
            followed. Or
        files: relative path to text.
        exclude: Patterns of files in ``source`` that are left out, as ``.gitignore`` has them: ``["*.png", "data/"]``.
            Hidden files, ``__pycache__``, virtual environments, ``*.egg-info`` and ``node_modules`` are left out
            anyway, unless a pattern such as ``"!.keep"`` takes them in.
        in_place: Replace the files of one directory (``PUT plugins/directory``) instead of writing a new one. A real
            server goes on with the modules it has imported until it restarts.
        trigger_name: The trigger that uses the directory; needed for ``in_place``.
        test: Dry runs that the plugin has to pass before a trigger is swapped to it (``in_place``: before the live
            files are replaced). An error, an ERROR in its log or a missed expectation fails the deployment with the
            plugin's own log lines, and nothing live has changed.
        manifest: What the plugin's manifest says of where it runs; ``Plugin`` sets it. Another release of the server
            fails the deployment before a file is written.
        adopt: With ``in_place``: take over a directory of that name that exists with other files. Without it, that is
            an error.
        retain: Whether the files stay on destroy, and the directories that updates have replaced; default: True, and a
            warning says so. With ``retain=False`` a dry run of a small plugin of this package removes them, since the
            API has no way to: on destroy, and with the next update those that no trigger runs any more.
        delete_on_destroy: Deprecated: ``delete_on_destroy=True`` is ``retain=False``.
        opts: Options of the resource.

    By default the directory is content-addressed: files go to ``NAME_HASH/``, and a trigger that names
    ``plugin_filename`` is swapped to it. It never sees half of a change, and the previous code is still there. On a
    cluster every host in ``influxdb3:pluginHosts`` gets the files, too: all of them, or none.
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
        source: str | os.PathLike[str] | None = None,
        files: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        exclude: Sequence[str] | None = None,
        in_place: pulumi.Input[bool] | None = None,
        trigger_name: pulumi.Input[str] | None = None,
        test: pulumi.Input[DryRunTest | Sequence[pulumi.Input[DryRunTest]]] | None = None,
        manifest: pulumi.Input[PluginManifest] | None = None,
        adopt: pulumi.Input[bool] | None = None,
        retain: pulumi.Input[bool] | None = None,
        delete_on_destroy: pulumi.Input[bool] | None = None,
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
        one_of(where, source=args.source, files=args.files)
        patterns = listed(where, "exclude", args.exclude)
        if patterns is not None and (args.source is None or not all(isinstance(each, str) for each in patterns)):
            raise SourceError(f"{where}: exclude is a list of patterns for source=: leave it out with files=")
        properties = {
            "plugin_name": resource_name if args.plugin_name is None else args.plugin_name,
            "files": files_by_path(
                where, args.files if args.source is None else read_directory(where, args.source, patterns or ())
            ),
            "plugin_filename": None,
            "content_sha256": None,
        } | given(
            in_place=args.in_place,
            trigger_name=args.trigger_name,
            test=dry_runs_property(where, args.test),
            manifest=args.manifest,
            adopt=args.adopt,
            delete_on_destroy=deleted_on_destroy(where, args.retain, args.delete_on_destroy),
        )
        super().__init__(PluginDirectoryProvider(), resource_name, properties, makes_way(opts))

    @property
    def plugin_name(self) -> pulumi.Output[str]:
        """Name of the package."""
        return self._output("plugin_name")

    @property
    def files(self) -> pulumi.Output[dict[str, str]]:
        """Text of the files by ``./PATH`` below the directory."""
        return self._output("files")

    @property
    def in_place(self) -> pulumi.Output[bool]:
        """Whether the files of one directory are replaced."""
        return self._output("in_place", default=False)

    @property
    def trigger_name(self) -> pulumi.Output[str | None]:
        """The trigger that uses the directory."""
        return self._output("trigger_name")

    @property
    def test(self) -> pulumi.Output[list[dict[str, Any]] | None]:
        """The dry runs that the plugin has to pass, as mappings."""
        return self._output("test")

    @property
    def manifest(self) -> pulumi.Output[dict[str, Any] | None]:
        """What the plugin's manifest says of where it runs, as a mapping."""
        return self._output("manifest")

    @property
    def adopt(self) -> pulumi.Output[bool]:
        """Whether a directory that exists with other files is taken over."""
        return self._output("adopt", default=False)

    @property
    def retain(self) -> pulumi.Output[bool]:
        """Whether the files stay on destroy."""
        return self._retained()

    @property
    def plugin_filename(self) -> pulumi.Output[str]:
        """What triggers name as their ``plugin_filename``; known during preview."""
        return self._output("plugin_filename")

    @property
    def content_sha256(self) -> pulumi.Output[str]:
        """SHA-256 over all paths and contents in hexadecimal; known during preview."""
        return self._output("content_sha256")
