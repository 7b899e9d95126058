"""What a plugin's manifest says of where the plugin runs: the server's releases, and kinds of triggers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.published.manifest import EntryPoint
from influxdb3_engine_resources.published.semver import VersionRange
from influxdb3_engine_resources.server.host import refuse_where_locked

if TYPE_CHECKING:
    from influxdb3_engine_resources.inputs import Unknown
    from influxdb3_engine_resources.plugins.source import SourceOutline
    from influxdb3_engine_resources.server.engine import Engine


def _range(text: str) -> str:
    VersionRange.parse(text)
    return text


class ManifestFacts(BaseModel):
    """What a plugin's manifest says.

    Attributes:
        database_version: Range of the server's releases that the plugin runs on; None for any.
        triggers: Entry points that the plugin supports; None if it does not say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    database_version: Annotated[str, AfterValidator(_range)] | None = None
    triggers: list[EntryPoint] | None = None

    @property
    def releases(self) -> VersionRange | None:
        """The range of releases."""
        return VersionRange.parse(self.database_version) if self.database_version else None


def with_triggers(source: SourceOutline, manifest: ManifestFacts | Unknown | None) -> SourceOutline:
    """A plugin with the entry points that its manifest lists, if it has one that is known."""
    if not isinstance(manifest, ManifestFacts) or manifest.triggers is None:
        return source
    return replace(source, triggers=tuple(manifest.triggers))


def refuse_other_releases(manifest: ManifestFacts | None, label: str, engine: Engine) -> None:
    """Refuse to write a plugin that the servers of a deployment do not run: one request a host in a process.

    Args:
        manifest: What the plugin's manifest says.
        label: What messages call the plugin.
        engine: The server and its further hosts.

    Raises:
        ResourceError: A host has another release.
        EngineApiError: A host could not be asked.
    """
    releases = manifest.releases if manifest else None
    if releases is None:
        return
    for host in engine.hosts:
        if reason := host.facts.refuses_release(releases):
            raise ResourceError(f"{label} was not written: {reason}. Upgrade the server, or deploy another version")


def preview_releases(manifest: ManifestFacts | Unknown | None, engine: Engine) -> None:
    """Refuse the same in a preview that asks the server.

    Raises:
        InvalidInputs: A host has another release.
        EngineApiError: A host could not be asked.
    """
    if isinstance(manifest, ManifestFacts) and (releases := manifest.releases):
        refuse_where_locked(engine.hosts, "manifest", lambda facts: facts.refuses_release(releases))
