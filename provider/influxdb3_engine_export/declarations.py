"""What the program declares. The logic of the resources checks it, so that a deployment accepts it unchanged."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from influxdb3_engine_api.duration import format_duration
from influxdb3_engine_api.specification import depends_on_server, portable
from influxdb3_engine_export.packages import pinned_packages
from influxdb3_engine_export.plugins import DeclaredPlugin, Unusable, declare_plugin
from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.database import DatabaseInputs
from influxdb3_engine_resources.errors import InvalidInputs, ResourceError
from influxdb3_engine_resources.hidden_values import hide_inputs
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.triggers.inputs import NOT_ON_SERVER, TriggerInputs, adopted
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from influxdb3_engine_api import Specification
    from influxdb3_engine_export.reading import FoundTrigger, ServerContent


@dataclass(frozen=True)
class DeclaredTrigger:
    """A trigger of the program.

    Attributes:
        inputs: The properties that it has on the server.
        specification: When it runs.
        plugin: The key of its plugin in ``Declarations.plugins``.
    """

    inputs: TriggerInputs
    specification: Specification
    plugin: str


@dataclass(frozen=True)
class Declarations:
    """What the program declares, and what it does not.

    Attributes:
        databases: Names of databases.
        packages: Specifiers of packages.
        plugins: Path on the server to the plugin; plugins that stay on the server are missing.
        triggers: The triggers.
        kept: Plugin that stays on the server, to the reason.
        omitted: What the program does not declare, to the reason.
        retention: Database to its retention period, which no program declares; None if the server does not list them.
        reworded: Trigger to how the program writes its cron expression with numbers for weekdays.
    """

    databases: Sequence[str]
    packages: Sequence[str]
    plugins: Mapping[str, DeclaredPlugin]
    triggers: Sequence[DeclaredTrigger]
    kept: Mapping[str, str] = field(default_factory=dict)
    omitted: Mapping[str, str] = field(default_factory=dict)
    reworded: Mapping[str, str] = field(default_factory=dict)
    retention: Mapping[str, str] | None = None


def declare(content: ServerContent) -> Declarations:
    """What a program has to declare, so that a deployment changes nothing on the server."""
    omitted: dict[str, str] = {}
    databases = []
    for db in content.databases:
        try:
            DatabaseInputs.checked({"db": db})
            databases.append(db)
        except InvalidInputs as error:
            omitted[f"database {db!r}"] = str(error)
    triggers = []
    reworded: dict[str, str] = {}
    paths: dict[str, str] = {}
    for found in sorted(content.triggers, key=lambda each: (each.plugin, each.db, each.row.trigger_name)):
        label = f"trigger {found.row.trigger_name!r} of database {found.db!r}"
        try:
            trigger = _declare_trigger(found)
            path = trigger.inputs.served_path
            if path is not None and paths.setdefault(path, label) != label:
                raise Unusable(f"{paths[path]} serves the same request path")
            triggers.append(trigger)
            if depends_on_server(found.row.trigger_specification):
                reworded[label] = f"{found.live.specification().text!r} is {trigger.specification.text!r}"
        except Unusable as error:
            omitted[label] = str(error)
    plugins, kept = _declare_plugins(content, triggers)
    packages = [] if content.distributions is None else pinned_packages(content.distributions)
    if content.locked is not None:
        omitted["packages"] = "the server runs no dry runs, which read them"
    retention = None
    if content.retention is not None:
        periods = content.retention
        retention = {db: format_duration(periods[db]) for db in databases if db in periods}
    return Declarations(databases, packages, plugins, triggers, kept, omitted, reworded, retention)


def _declare_trigger(found: FoundTrigger) -> DeclaredTrigger:
    """The trigger as a program declares it.

    Raises:
        Unusable: No program can declare it as it is.
    """
    row = found.row
    try:
        specification = portable(found.live.specification())  # as the provider sends it
    except ValueError:
        raise Unusable("this release does not know its specification: upgrade pulumi-influxdb3-engine") from None
    properties = {
        "db": found.db,
        "trigger_name": row.trigger_name,
        "plugin_filename": row.plugin_filename,
        "trigger_specification": specification.text,
        "trigger_arguments": found.live.arguments,
        "trigger_settings": {"error_behavior": row.error_behavior},
        "disabled": row.disabled,
    }
    hide_inputs(properties)
    try:
        inputs = TriggerInputs.checked(properties)
        differing = adopted(found.live, inputs).changed(inputs, NOT_ON_SERVER)
        _check(inputs, Program(Configuration()))
    except (InvalidInputs, ResourceError) as error:
        raise Unusable(str(error)) from None
    if differing:
        raise Unusable(f"a deployment would change its {', '.join(sorted(differing))}")
    return DeclaredTrigger(inputs, specification, found.plugin)


def _declare_plugins(
    content: ServerContent, triggers: Sequence[DeclaredTrigger]
) -> tuple[dict[str, DeclaredPlugin], dict[str, str]]:
    users: dict[str, list[DeclaredTrigger]] = {}
    for trigger in triggers:
        users.setdefault(trigger.plugin, []).append(trigger)
    plugins: dict[str, DeclaredPlugin] = {}
    kept = {plugin: reason for plugin, reason in content.unread.items() if plugin in users}
    names: set[str] = set()
    for name, code in content.code.items():
        if name not in users:
            continue
        try:
            plugin = declare_plugin(name, code, users[name][0].inputs.trigger_name)
            if plugin.identity in names:  # another version of the same directory
                raise Unusable(f"another version of {plugin.plugin_name!r} is declared")
            program = Program(Configuration())
            plugin.check(program)
            for trigger in users[name]:
                _check(trigger.inputs, program)
        except Unusable as error:
            kept[name] = str(error)
        except InvalidInputs as error:
            kept[name] = _reasons(error)
        else:
            names.add(plugin.identity)
            plugins[name] = plugin
    return plugins, kept


def _check(inputs: TriggerInputs, program: Program) -> None:
    with contextlib.redirect_stderr(io.StringIO()):  # warnings about the plugin come with each preview
        TriggerLogic().check(inputs, program)


def _reasons(error: InvalidInputs) -> str:
    return "; ".join(failure.reason for failure in error.failures)
