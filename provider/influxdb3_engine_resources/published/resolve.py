"""Which version of each plugin a program deploys: those that it names, and those that they depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_resources.published.errors import PublishedError
from influxdb3_engine_resources.published.layout import PublishedPlugin
from influxdb3_engine_resources.published.manifest import canonical
from influxdb3_engine_resources.published.registry import INFLUXDATA, Registry, Wanted
from influxdb3_engine_resources.published.semver import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from influxdb3_engine_resources.published.manifest import PluginDependency


@dataclass(frozen=True, slots=True)
class Dependency:
    """A plugin that another one needs.

    Attributes:
        registry: URL of the index where it is looked up.
        wanted: Its name and the range of its versions.
        mirror: URL of the index that replaces InfluxData's, also for the plugin's dependencies; None for no mirror.
    """

    registry: str
    wanted: Wanted
    mirror: str | None


@dataclass(frozen=True, slots=True)
class ResolvedPlugin:
    """A plugin of one version.

    Attributes:
        name: As the manifest writes it.
        version: Its version.
        plugin: Its manifest and files.
        dependencies: What it needs of other plugins.
    """

    name: str
    version: Version
    plugin: PublishedPlugin
    dependencies: tuple[Dependency, ...]

    @property
    def key(self) -> str:
        """What tells it from the other plugins of a program."""
        return canonical(self.name)


class Resolver:
    """Resolves the plugins of one program; every index is read once.

    Args:
        default_registry: URL of the index of plugins, and of dependencies that name InfluxData's.
        warn: Called with what a user should know.
    """

    def __init__(self, default_registry: str | None, warn: Callable[[str], None]) -> None:
        self._default, self._warn = default_registry, warn
        self._registries: dict[str, Registry] = {}

    def published(self, name: str, version: str | None, registry: str | None) -> ResolvedPlugin:
        """A plugin of a registry.

        Args:
            name: Its name.
            version: An exact version or a range.
            registry: URL of the index; ``None`` for the program's.

        Raises:
            PublishedError: There is no such plugin, or its archive cannot be used.
        """
        url = registry or self._default or INFLUXDATA
        try:
            wanted = Wanted.parse(name, "*" if version is None else version)
        except ValueError as error:
            raise PublishedError(str(error)) from None
        if version is None:
            newest = self._registry(url).find(wanted).version
            raise PublishedError(f"version is missing: write version={newest.text!r}, which is the newest")
        return self._found(url, wanted, mirror=registry or self._default)

    def dependency(self, dependency: Dependency) -> ResolvedPlugin:
        """A plugin that another one needs.

        Raises:
            PublishedError: As ``published``.
        """
        return self._found(dependency.registry, dependency.wanted, mirror=dependency.mirror)

    def folder(self, files: Mapping[str, str | None], where: str, registry: str | None) -> ResolvedPlugin:
        """A plugin of the program's own.

        Args:
            files: Text of the files by path; ``None`` for one that is not text.
            where: What messages call the folder.
            registry: URL of the index for dependencies that name InfluxData's; ``None`` for the program's.

        Raises:
            PublishedError: The folder does not follow the format.
        """
        return self._resolved(PublishedPlugin(files, where), mirror=registry or self._default)

    def _found(self, url: str, wanted: Wanted, *, mirror: str | None) -> ResolvedPlugin:
        registry = self._registry(url)
        return self._resolved(registry.plugin(registry.find(wanted)), mirror=mirror)

    def _registry(self, url: str) -> Registry:
        if url not in self._registries:
            self._registries[url] = Registry(url, self._warn)
        return self._registries[url]

    def _resolved(self, plugin: PublishedPlugin, *, mirror: str | None) -> ResolvedPlugin:
        declared = plugin.manifest.plugin
        dependencies = tuple(_dependency(each, mirror) for each in plugin.manifest.dependencies.plugins)
        return ResolvedPlugin(declared.name, declared.version, plugin, dependencies)


def refuse_other_version(found: ResolvedPlugin, dependency: Dependency, needed_by: str) -> None:
    """Refuse a version that a program has, and that a plugin cannot use.

    Raises:
        PublishedError: Names both.
    """
    wanted = dependency.wanted.version
    fits = found.version == wanted if isinstance(wanted, Version) else found.version in wanted
    if not fits:
        raise PublishedError(
            f"{needed_by} needs {dependency.wanted.name} {shown(str(wanted))}, and the program has {found.version}: "
            "a server runs one version of a plugin"
        )


def _dependency(declared: PluginDependency, mirror: str | None) -> Dependency:
    url = mirror if mirror and _same_url(declared.index_url, INFLUXDATA) else declared.index_url
    return Dependency(url, Wanted(declared.name, declared.version), mirror)


def _same_url(left: str, right: str) -> bool:
    return left.rstrip("/").lower() == right.lower()
