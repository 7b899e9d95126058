"""Published plugins, and folders with a manifest of one's own: a component of files, packages and other plugins."""

from __future__ import annotations

import os
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi

from pulumi_influxdb3_engine._sources import SourceError, read_file, read_plugin_folder
from pulumi_influxdb3_engine.package_set import PackageSet
from pulumi_influxdb3_engine.plugin_directory import PluginDirectory
from pulumi_influxdb3_engine.plugin_file import PluginFile, PluginManifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from influxdb3_engine_resources.published.resolve import Dependency, ResolvedPlugin, Resolver
    from pulumi_influxdb3_engine.dry_runs import DryRunTest


class Plugin(pulumi.ComponentResource):
    """A plugin with what it needs: its code, its Python packages and the plugins that it depends on.

    Args:
        resource_name: The resource's name in the program.
        name: The plugin's name in its registry. Default: ``resource_name``.
        version: An exact version, such as ``"1.4.0"``, or a range as Cargo reads them, such as ``"^1.4"`` or
            ``">=1.0, <2"``: the newest version in it that is not yanked. Required without ``source``.
        source: A folder with a ``manifest.toml``, relative to the program, instead of a version from a registry.
        registry: URL of a registry's ``index.json`` (``https``, ``http`` or ``file``). Default: ``influxdb3:registry``
            of the stack, else InfluxData's registry. Dependencies that name InfluxData's registry are looked up here,
            too.
        files: Text by path of further files that the plugin reads beside itself, such as ``{"config.toml": TEXT}``. A
            ``pathlib.Path`` is read where the program runs.
        test: Dry runs that the code has to pass before it is used.
        adopt: Take over files that exist with other content. Default: ``influxdb3:adopt`` of the stack.
        retain: Whether files and packages stay on destroy. Default: True.
        engine: Name of the server in ``influxdb3:engines``, a text that the program knows. Default: the stack's default
            server. Dependencies are deployed to the same server.
        opts: Options of the component.

    Attributes:
        name: The plugin's name.
        version: The version that is deployed; known during preview.
        plugin_filename: What triggers name as their ``plugin_filename``; known during preview.
        dependencies: The plugins that this one depends on, by name.

    Raises:
        pulumi.RunError: There is no such plugin or version, or its archive does not have the hash that the registry
            names; the program ends before anything is deployed.

    A plugin is deployed once to each server, however many depend on it. To set arguments of a dependency, declare it
    before the plugins that depend on it. The archive and the index are kept in the user's cache directory: the next
    preview needs no network. An index is read again after a day, and if it lacks the version that is asked for.
    """

    name: pulumi.Output[str]
    version: pulumi.Output[str]
    plugin_filename: pulumi.Output[str]
    dependencies: Mapping[str, Plugin]

    def __init__(
        self,
        resource_name: str,
        *,
        name: str | None = None,
        version: str | None = None,
        source: str | os.PathLike[str] | None = None,
        registry: str | None = None,
        files: Mapping[str, pulumi.Input[str] | os.PathLike[str]] | None = None,
        test: pulumi.Input[DryRunTest | Sequence[pulumi.Input[DryRunTest]]] | None = None,
        adopt: pulumi.Input[bool] | None = None,
        retain: pulumi.Input[bool] | None = None,
        engine: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        where = f"Plugin {resource_name!r}"
        known = {"name": name, "version": version, "registry": registry, "engine": engine}
        for argument, value in known.items():
            if value is not None and not isinstance(value, str):
                raise SourceError(f"{where}: {argument} is a text that the program knows, not an output")
        if source is not None and version is not None:
            raise SourceError(f"{where}: set version for a plugin of a registry, or source for a folder")
        program = _Program.current()
        registry = program.registry_of(where, engine) if registry is None else registry
        with _refusals(where):
            if source is not None:
                folder = read_plugin_folder(where, source)
                found = program.resolver.folder(folder, f"the folder {os.fspath(source)!r}", registry)
            else:
                found = program.resolver.published(resource_name if name is None else name, version, registry)
        beside = {path: _text(where, path, content) for path, content in (files or {}).items()}
        settings = {"adopt": adopt, "retain": retain, "test": test, "engine": engine}
        self._declare(resource_name, found, settings, beside, opts)

    def _declare(
        self,
        resource_name: str,
        found: ResolvedPlugin,
        settings: Mapping[str, Any],
        beside: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the component and all that it consists of.

        Args:
            resource_name: The component's name.
            found: The plugin.
            settings: Arguments of the resources that hold its code.
            beside: Text of further files by path.
            opts: Options of the component.
        """
        program = _Program.current()
        program.declare(self, resource_name, found, settings["engine"])
        super().__init__("influxdb3:index:Plugin", resource_name, None, opts)
        self.dependencies = {each.wanted.name: program.needed(each, found, settings) for each in found.dependencies}
        needs: list[pulumi.Resource] = list(self.dependencies.values())
        if packages := list(found.plugin.manifest.dependencies.python):
            of_this = pulumi.ResourceOptions(parent=self)
            name = f"{resource_name}-packages"
            shared = {name: settings[name] for name in ("retain", "engine")}
            needs.append(PackageSet(name, packages=packages, opts=of_this, **shared))
        below = pulumi.ResourceOptions(parent=self, depends_on=needs)
        code = _code(resource_name, found, beside, settings, below)
        self.name = pulumi.Output.from_input(found.name)
        self.version = pulumi.Output.from_input(found.version.text)
        self.plugin_filename = code.plugin_filename
        self.register_outputs({"name": self.name, "version": self.version, "plugin_filename": self.plugin_filename})


class _Dependency(Plugin):
    """A plugin that only another plugin asks for."""

    def __init__(self, found: ResolvedPlugin, settings: Mapping[str, Any]) -> None:
        engine = settings["engine"]
        resource_name = found.name if engine is None else f"{found.name}-{engine}"
        self._declare(resource_name, found, {**settings, "test": None}, {})


def _code(
    resource_name: str,
    found: ResolvedPlugin,
    beside: Mapping[str, Any],
    settings: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
) -> PluginFile | PluginDirectory:
    """The resource that holds a plugin's entry point, and those of the files beside it."""
    plugin = found.plugin
    manifest: PluginManifest = {
        "database_version": plugin.manifest.dependencies.database_version.text,
        "triggers": list(plugin.manifest.plugin.triggers),
    }
    if plugin.is_directory:
        if binary := sorted(path for path, text in plugin.files.items() if text is None):
            pulumi.log.warn(
                f"plugin {found.name} {found.version}: {', '.join(binary)} is not deployed, since the server's API "
                "takes text only"
            )
        files = {path: text for path, text in plugin.files.items() if text is not None} | dict(beside)
        return PluginDirectory(
            resource_name, plugin_name=found.key, files=files, manifest=manifest, opts=opts, **settings
        )
    others = [
        PluginFile(f"{resource_name}-{path}", plugin_name=path, content=text, opts=opts, **{**settings, "test": None})
        for path, text in beside.items()
    ]
    return PluginFile(
        resource_name,
        plugin_name=plugin.entry_point,
        content=plugin.code,
        manifest=manifest,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=others)),
        **settings,
    )


def _text(where: str, path: str, content: Any) -> Any:
    if not isinstance(path, str):
        raise SourceError(f"{where}: files maps relative paths to texts: write files={{'config.toml': TEXT}}")
    return (
        read_file(where, content, of=f"files[{path!r}]", python=False) if isinstance(content, os.PathLike) else content
    )


class _Program:
    """The plugins of one run of a program."""

    _programs: ClassVar[weakref.WeakKeyDictionary[Any, _Program]] = weakref.WeakKeyDictionary()

    def __init__(self) -> None:
        from influxdb3_engine_resources.published.resolve import Resolver  # noqa: PLC0415 - only for such programs

        self.resolver: Resolver = Resolver(pulumi.Config("influxdb3").get("registry"), pulumi.log.warn)
        self._plugins: dict[tuple[str | None, str], tuple[ResolvedPlugin, Plugin]] = {}

    @classmethod
    def current(cls) -> _Program:
        """The program that runs now: a process may run several, one after the other."""
        root = pulumi.runtime.get_root_resource() or cls
        if root not in cls._programs:
            cls._programs[root] = cls()
        return cls._programs[root]

    def registry_of(self, where: str, engine: str | None) -> str | None:
        """The registry of an engine; None if the engine has none of its own, or is the default server.

        Raises:
            SourceError: The stack does not name the engine.
        """
        if engine is None:
            return None
        from influxdb3_engine_resources.stack_keys import read, unknown_engine  # noqa: PLC0415 - as above

        stack = pulumi.Config("influxdb3")
        engines = read(lambda key: stack.get(key.removeprefix("influxdb3:")))[0].engines
        if engine not in engines:
            raise SourceError(f"{where}: engine: {unknown_engine(engine, engines)}")
        registry: str | None = engines[engine].get("registry")
        return registry

    def declare(self, plugin: Plugin, resource_name: str, found: ResolvedPlugin, engine: str | None) -> None:
        """Note a plugin of a server.

        Raises:
            SourceError: The program has it already.
        """
        if (engine, found.key) in self._plugins:
            other = self._plugins[engine, found.key][1]
            remedy = (
                "another Plugin depends on it, which is declared before: declare this one first"
                if isinstance(other, _Dependency)
                else "another Plugin declares it: use that one"
            )
            raise SourceError(f"Plugin {resource_name!r}: the program has the plugin {found.name!r} already: {remedy}")
        self._plugins[engine, found.key] = found, plugin

    def needed(self, dependency: Dependency, by: ResolvedPlugin, settings: Mapping[str, Any]) -> Plugin:
        """The plugin that another one depends on; declared now if the program does not have it yet.

        Raises:
            SourceError: The program has another version, or the plugins depend on each other.
        """
        from influxdb3_engine_resources.published.manifest import canonical  # noqa: PLC0415 - as above
        from influxdb3_engine_resources.published.resolve import refuse_other_version  # noqa: PLC0415

        where = f"Plugin {by.name!r}"
        key = (settings["engine"], canonical(dependency.wanted.name))
        with _refusals(where):
            if key not in self._plugins:
                return _Dependency(self.resolver.dependency(dependency), settings)
            found, plugin = self._plugins[key]
            refuse_other_version(found, dependency, by.name)
        if not hasattr(plugin, "plugin_filename"):
            raise SourceError(f"{where}: {by.name} and {found.name} depend on each other")
        return plugin


@contextmanager
def _refusals(where: str) -> Iterator[None]:
    """Turns what is wrong with a published plugin into an error of the program."""
    from influxdb3_engine_resources.published.errors import PublishedError  # noqa: PLC0415 - as above

    try:
        yield
    except PublishedError as error:
        raise SourceError(f"{where}: {error}") from None
