"""Multi-file plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi.dynamic import Resource

from pulumi_influxdb3_engine._arguments import as_properties, files_by_path, given, listed, makes_way
from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._sources import SourceError, one_of, read_directory
from pulumi_influxdb3_engine.dry_runs import dry_runs_property

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import pulumi

    from pulumi_influxdb3_engine.dry_runs import DryRunTest


class PluginDirectoryProvider(EngineProvider):
    """Dynamic provider of plugin directories."""

    logic = "plugin_directory:PluginDirectoryLogic"


class PluginDirectory(Resource, module="influxdb3", name="PluginDirectory"):
    """A Python package in the server's plugin directory, with its entry point in ``__init__.py``.

    Args:
        resource_name: The resource's name in the program.
        plugin_name: Name of the package; default is ``resource_name``.
        source: The directory to read, relative to the program; links are followed. Or
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
        adopt: With ``in_place``: take over a directory of that name that exists with other files. Without it, that is
            an error.
        delete_on_destroy: Remove what was written: on destroy, and of the directories that updates have replaced those
            that no trigger runs any more with the next update. The API has no way to, so a dry run of a small plugin of
            this package does it. By default all stay, which is said.
        opts: Options of the resource.

    By default the directory is content-addressed: files go to ``NAME_HASH/``, and a trigger that names
    ``plugin_filename`` is swapped to it. It never sees half of a change, and the previous code is still there. On a
    cluster every host in ``influxdb3:pluginHosts`` gets the files, too: all of them, or none.
    """

    if TYPE_CHECKING:  # at run time the SDK would evaluate the annotations anew for every resource
        plugin_name: pulumi.Output[str]
        files: pulumi.Output[dict[str, str]]
        """Text of the files by ``./PATH`` below the directory."""
        plugin_filename: pulumi.Output[str]
        """What triggers name as their ``plugin_filename``; known during preview."""
        content_sha256: pulumi.Output[str]
        """SHA-256 over all paths and contents in hexadecimal; known during preview."""

    def __init__(
        self,
        resource_name: str,
        *,
        plugin_name: pulumi.Input[str] | None = None,
        source: str | os.PathLike[str] | None = None,
        files: Mapping[str, pulumi.Input[str]] | pulumi.Output[Mapping[str, str]] | None = None,
        exclude: Sequence[str] | None = None,
        in_place: bool = False,
        trigger_name: pulumi.Input[str] | None = None,
        test: DryRunTest | Sequence[DryRunTest] | None = None,
        adopt: bool = False,
        delete_on_destroy: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        where = f"PluginDirectory {resource_name!r}"
        one_of(where, source=source, files=files)
        patterns = listed(where, "exclude", exclude)
        if patterns is not None and (source is None or not all(isinstance(each, str) for each in patterns)):
            raise SourceError(f"{where}: exclude is a list of patterns for source=: leave it out with files=")
        properties = {
            "plugin_name": resource_name if plugin_name is None else plugin_name,
            "files": files_by_path(
                where, read_directory(where, source, patterns or ()) if source is not None else files
            ),
            "plugin_filename": None,
            "content_sha256": None,
        } | given(
            in_place=in_place or None,
            trigger_name=trigger_name,
            test=dry_runs_property(where, test),
            adopt=adopt or None,
            delete_on_destroy=delete_on_destroy or None,
        )
        properties = as_properties("PluginDirectory", resource_name, properties)
        super().__init__(PluginDirectoryProvider(), resource_name, properties, makes_way(opts))
