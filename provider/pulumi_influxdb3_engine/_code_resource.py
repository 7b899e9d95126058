"""What ``PluginFile`` and ``PluginDirectory`` have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulumi_influxdb3_engine._assets import known_or_refused
from pulumi_influxdb3_engine._deprecated import deleted_on_destroy
from pulumi_influxdb3_engine._resource import EngineResource, without_none
from pulumi_influxdb3_engine.dry_runs import dry_runs_property

if TYPE_CHECKING:
    import pulumi


class CodeResource(EngineResource):
    """Base of the resources that hold a plugin's code."""

    @property
    def trigger_name(self) -> pulumi.Output[str | None]:
        """The trigger that uses the code, and through which changes are sent."""
        return self._output("trigger_name")

    @property
    def test(self) -> pulumi.Output[list[dict[str, Any]] | None]:
        """The dry runs that the plugin has to pass, as mappings."""
        return self._output("test")

    @property
    def expected_sha256(self) -> pulumi.Output[str | None]:
        """The ``content_sha256`` that the code must have."""
        return self._output("expected_sha256")

    @property
    def manifest(self) -> pulumi.Output[dict[str, Any] | None]:
        """What the plugin's manifest says of where it runs, as a mapping."""
        return self._output("manifest")

    @property
    def adopt(self) -> pulumi.Output[bool]:
        """Whether existing code with other content is taken over."""
        return self._output("adopt", default=False)

    @property
    def retain(self) -> pulumi.Output[bool]:
        """Whether the code stays on destroy."""
        return self._retained()

    @property
    def plugin_filename(self) -> pulumi.Output[str]:
        """The value for ``plugin_filename`` of a trigger; known during preview."""
        return self._output("plugin_filename")

    @property
    def content_sha256(self) -> pulumi.Output[str]:
        """SHA-256 of the code, of a directory with its paths, in hexadecimal; known during preview."""
        return self._output("content_sha256")


def code_properties(where: str, args: Any) -> dict[str, Any]:
    """The properties of a resource that holds a plugin's code, besides the code itself.

    Args:
        where: The resource.
        args: A ``PluginFileArgs`` or ``PluginDirectoryArgs``.

    Raises:
        SourceError: An argument is invalid.
    """
    return {"plugin_filename": None, "content_sha256": None} | without_none(
        engine=args.engine,
        trigger_name=args.trigger_name,
        test=dry_runs_property(where, args.test),
        manifest=args.manifest,
        expected_sha256=known_or_refused(where, args.expected_sha256),
        adopt=args.adopt,
        delete_on_destroy=deleted_on_destroy(where, args.retain, args.delete_on_destroy),
    )
