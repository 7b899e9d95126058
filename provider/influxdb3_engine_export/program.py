"""The text of ``__main__.py``: as a person would write it, the same for the same server content."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from influxdb3_engine_api import ErrorBehavior
from influxdb3_engine_api.foreign_text import escaped
from influxdb3_engine_api.specification import AllTables, Cron, Every, Request, Table
from influxdb3_engine_export.naming import UniqueNames, Variables, resource_names, slug
from influxdb3_engine_export.plugins import DeclaredPlugin, Form
from influxdb3_engine_export.secret_values import has_secret_form, looks_secret
from influxdb3_engine_export.source_code import (
    WIDTH,
    Expression,
    Items,
    assignment,
    call,
    dict_of,
    list_of,
    literal,
    render,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from influxdb3_engine_api import Specification
    from influxdb3_engine_export.declarations import Declarations, DeclaredTrigger

_HEADER = '"""Databases, plugins and triggers of an InfluxDB 3 server."""\n'
_NOT_LISTED = "# The server does not list run_async and node_spec. Set them here if they are set."


@dataclass(frozen=True)
class ProgramText:
    """A program.

    Attributes:
        text: The text of ``__main__.py``.
        secrets: Key of the stack's configuration to the secret value, which the text does not hold.
    """

    text: str
    secrets: Mapping[str, str] = field(repr=False)


def write_program(declarations: Declarations) -> ProgramText:
    """The program that declares what was read."""
    writer = _Writer(declarations)
    blocks = list(writer.blocks())
    text = "\n\n".join(block.rstrip("\n") for block in [_HEADER, *writer.imports(), *blocks])
    return ProgramText(f"{text}\n", writer.secrets.values)


class _Secrets:
    """Keys of the stack's configuration for secret values. Arguments with one name and value share a key."""

    def __init__(self, triggers: Mapping[str, DeclaredTrigger]) -> None:
        self.values: dict[str, str] = {}
        self._names = UniqueNames()
        self._keys: dict[tuple[str, str], str] = {}
        users: dict[tuple[str, str], list[str]] = {}
        for resource, trigger in triggers.items():
            for place in _secret_places(trigger):
                users.setdefault(place, []).append(resource)
        for (name, value), resources in users.items():
            own = slug(f"{resources[0]}_{name}", "secret")
            key = self._names.first_free(*([slug(name, "secret")] if len(resources) > 1 else []), own)
            self._keys[name, value] = key
            self.values[key] = value

    def key(self, name: str, value: str) -> str | None:
        """The key of a secret value; None if it is not secret."""
        return self._keys.get((name, value))


def _secret_places(trigger: DeclaredTrigger) -> Iterator[tuple[str, str]]:
    for name, value in sorted((trigger.inputs.trigger_arguments or {}).items()):
        if looks_secret(name, value):
            yield name, value
    if isinstance(trigger.specification, Request) and has_secret_form(trigger.specification.path):
        yield "request_path", trigger.specification.path


def _comment(text: str, begin: str = "# ") -> str:
    safe = " ".join(escaped(text).split())
    further = "#".ljust(len(begin))
    return textwrap.fill(safe, WIDTH, initial_indent=begin, subsequent_indent=further, break_long_words=False)


class _Writer:
    def __init__(self, declarations: Declarations) -> None:
        self._declared = declarations
        self._used: set[str] = set()
        self._modules: set[str] = set()
        self._variables = Variables()
        triggers = {each.inputs.owner: each for each in declarations.triggers}
        names = resource_names(triggers)
        self._triggers = {name: triggers[owner] for owner, name in sorted(names.items())}
        self.secrets = _Secrets(self._triggers)
        self._databases = {db: self._variables.add(db, "database") for db in declarations.databases}
        self._packages = self._variables.add("packages", "set") if declarations.packages else None
        self._plugins: dict[str, Expression] = {}

    def imports(self) -> Iterator[str]:
        """The blocks before the first declaration."""
        if self._modules:
            yield from (f"import {module}" for module in ("pathlib", "pulumi") if module in self._modules)
        if self._used:
            names = sorted(self._used, key=lambda name: (not name.isupper(), name[0].islower(), name))
            flat = f"from pulumi_influxdb3_engine import {', '.join(names)}"
            lines = "".join(f"    {name},\n" for name in names)
            yield flat if len(flat) <= WIDTH else f"from pulumi_influxdb3_engine import (\n{lines})"
        if self.secrets.values:
            yield "config = pulumi.Config()"

    def blocks(self) -> Iterator[str]:
        """The declarations: databases first, then packages, then each plugin with its triggers."""
        if self.secrets.values:
            self._modules.add("pulumi")
        if self._databases:
            yield "\n".join(line for db, name in self._databases.items() for line in self._database(db, name))
        if self._packages is not None:
            packages = list_of([literal(each) for each in self._declared.packages])
            yield assignment(self._packages, self._call("PackageSet", '"packages"', packages=packages))
        users: dict[str, dict[str, DeclaredTrigger]] = {}
        for name, trigger in self._triggers.items():
            users.setdefault(trigger.plugin, {})[name] = trigger
        for plugin in sorted(users):
            yield "\n".join([*self._plugin(plugin, users[plugin]), *self._triggers_of(users[plugin])])
        if self._declared.omitted:
            lines = [_comment(f"{each}: {why}", "# - ") for each, why in sorted(self._declared.omitted.items())]
            yield "\n".join(["# Not in this program:", *lines])

    def _database(self, db: str, name: str) -> Iterator[str]:
        period = (self._declared.retention or {}).get(db)
        if period is not None:
            yield _comment(f"The server keeps rows of {literal(db)} for {period}. A Database does not set that.")
        yield assignment(name, self._call("Database", literal(db)))

    def _call(self, name: str, *positional: Expression, **named: Expression | None) -> Items:
        self._used.add(name)
        return call(name, *positional, **named, one_a_line=name == "Trigger")

    def _plugin(self, path: str, users: Mapping[str, DeclaredTrigger]) -> Iterator[str]:
        """The lines that declare a plugin; remembers how triggers name it."""
        plugin = self._declared.plugins.get(path)
        if plugin is not None:
            variable = self._variables.add(PurePosixPath(plugin.plugin_name).stem, "plugin")
            self._plugins[path] = f"{variable}.plugin_filename"
            yield assignment(variable, self._resource(plugin))
            return
        if path in self._declared.kept:
            yield _comment(f"{literal(path)} stays as it is on the server: {self._declared.kept[path]}")
        spellings = {trigger.inputs.plugin_filename for trigger in users.values()}
        if len(users) > 1 and spellings == {path}:
            variable = self._variables.add(PurePosixPath(path.removeprefix("gh:")).stem, "plugin")
            self._plugins[path] = variable
            yield assignment(variable, literal(path))

    def _resource(self, plugin: DeclaredPlugin) -> Items:
        name, source = literal(plugin.plugin_name), literal(plugin.source)
        if plugin.form is Form.FILE:
            return self._call("PluginFile", name, source=source)
        if plugin.form is Form.CONTENT:
            self._modules.add("pathlib")
            return self._call("PluginFile", name, content=f"pathlib.Path({source}).read_bytes().decode()")
        if plugin.form is Form.ADDRESSED:
            return self._call("PluginDirectory", name, source=source)
        trigger_name = literal(str(plugin.trigger_name))
        return self._call("PluginDirectory", name, source=source, in_place="True", trigger_name=trigger_name)

    def _triggers_of(self, users: Mapping[str, DeclaredTrigger]) -> Iterator[str]:
        for name, trigger in users.items():
            inputs = trigger.inputs
            settings = dict_of([("error_behavior", literal(inputs.trigger_settings.error_behavior))])
            arguments = sorted((inputs.trigger_arguments or {}).items())
            resource = self._call(
                "Trigger",
                literal(name),
                db=f"{self._databases[inputs.db]}.db",
                trigger_name=None if name == inputs.trigger_name else literal(inputs.trigger_name),
                plugin_filename=self._filename(trigger),
                trigger_specification=self._specification(trigger.specification),
                trigger_arguments=dict_of([(key, self._argument(key, value)) for key, value in arguments])
                if arguments
                else None,
                trigger_settings=None if inputs.trigger_settings.error_behavior is ErrorBehavior.LOG else settings,
                disabled="True" if inputs.disabled else None,
                opts=self._options(trigger),
            )
            yield f"{_NOT_LISTED}\n{render(resource)}"

    def _filename(self, trigger: DeclaredTrigger) -> Expression:
        filename = trigger.inputs.plugin_filename
        named = self._plugins.get(trigger.plugin)
        if named is None:
            return literal(filename)
        if filename == trigger.plugin:
            return named
        self._modules.add("pulumi")
        return call("pulumi.Output.concat", named, literal(filename.removeprefix(trigger.plugin)))

    def _argument(self, name: str, value: str) -> Expression:
        key = self.secrets.key(name, value)
        return literal(value) if key is None else call("config.require_secret", literal(key))

    def _specification(self, specification: Specification) -> Expression:
        match specification:
            case AllTables():
                self._used.add("ALL_TABLES")
                return "ALL_TABLES"
            case Table(name):
                return self._call("table", literal(name))
            case Cron(expression):
                return self._call("cron", literal(expression))
            case Every(duration):
                return self._call("every", literal(duration))
            case Request(path):
                return self._call("request", self._argument("request_path", path))

    def _options(self, trigger: DeclaredTrigger) -> Expression | None:
        """The packages come first if the plugin may need them."""
        plugin = self._declared.plugins.get(trigger.plugin)
        if self._packages is None or (plugin is not None and not plugin.imports_packages):
            return None
        self._modules.add("pulumi")
        return call("pulumi.ResourceOptions", depends_on=list_of([self._packages]))
