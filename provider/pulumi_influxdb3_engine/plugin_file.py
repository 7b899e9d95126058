"""Single-file plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi.dynamic import Resource

from pulumi_influxdb3_engine._arguments import as_properties, given, makes_way, source_text
from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._sources import one_of, read_file
from pulumi_influxdb3_engine.dry_runs import dry_runs_property

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import pulumi

    from pulumi_influxdb3_engine.dry_runs import DryRunTest


class PluginFileProvider(EngineProvider):
    """Dynamic provider of plugin files."""

    logic = "plugin_file:PluginFileLogic"


class PluginFile(Resource, module="influxdb3", name="PluginFile"):
    """A file in the server's plugin directory; on a cluster in that of every host in ``influxdb3:pluginHosts``, too.

    Args:
        resource_name: The resource's name in the program.
        plugin_name: Path below the plugin directory, such as ``report.py``; default is ``resource_name``.
        source: The file to read, relative to the program; or
        content: the text itself.
        trigger_name: Send changes through the trigger of that name (``PUT plugins/files``) instead of by path.
        test: Dry runs that the plugin has to pass, as a candidate beside the live file, before that is written. An
            error, an ERROR in its log or a missed expectation fails the deployment with the plugin's own log lines,
            and nothing live has changed.
        adopt: Take over a file of that name that exists with other content. Without it, that is an error; a file with
            the same content is taken over either way, without a request that changes anything.
        delete_on_destroy: Remove the file on destroy, unless a trigger still runs it. The API has no way to, so a dry
            run of a small plugin of this package does it. By default the file stays, which is said.
        opts: Options of the resource.

    The content is an input: ``pulumi preview --diff`` shows the code that changes, and ``pulumi refresh`` the code that
    somebody changed by hand. All hosts have the new content, or all have the old one: an error names the host that
    failed and says what was put back.
    """

    if TYPE_CHECKING:  # at run time the SDK would evaluate the annotations anew for every resource
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
        test: DryRunTest | Sequence[DryRunTest] | None = None,
        adopt: bool = False,
        delete_on_destroy: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        where = f"PluginFile {resource_name!r}"
        one_of(where, source=source, content=content)
        name = resource_name if plugin_name is None else plugin_name
        python = not isinstance(name, str) or name.endswith(".py")
        properties = {
            "plugin_name": name,
            "content": read_file(where, source, python=python)
            if source is not None
            else source_text(where, "content", content, python=python),
            "plugin_filename": None,
            "content_sha256": None,
        } | given(
            trigger_name=trigger_name,
            test=dry_runs_property(where, test),
            adopt=adopt or None,
            delete_on_destroy=delete_on_destroy or None,
        )
        properties = as_properties("PluginFile", resource_name, properties)
        super().__init__(PluginFileProvider(), resource_name, properties, makes_way(opts))
