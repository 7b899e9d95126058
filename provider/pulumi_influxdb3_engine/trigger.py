"""Triggers: what runs a plugin, and when."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import pulumi
from pulumi.dynamic import Resource

from pulumi_influxdb3_engine._arguments import as_properties, as_texts, given, listed, makes_way
from pulumi_influxdb3_engine._dynamic import EngineProvider

if TYPE_CHECKING:
    from collections.abc import Mapping


class TriggerSettings(TypedDict, total=False):
    """How a trigger's runs are executed.

    Attributes:
        run_async: Whether runs may overlap; default ``False``.
        error_behavior: What a failed run leads to: ``"log"`` (default) goes on, ``"retry"`` runs it again,
            ``"disable"`` stops the trigger. Request triggers always log.
    """

    run_async: pulumi.Input[bool]
    error_behavior: pulumi.Input[Literal["log", "retry", "disable"]]


@dataclass(frozen=True)
class Watch:
    """How long a trigger is watched after it was created or changed.

    Attributes:
        seconds: At most so long.
        runs: Until so many runs have finished without an error.
    """

    seconds: float
    runs: int = 1


class TriggerProvider(EngineProvider):
    """Dynamic provider of triggers."""

    logic = "trigger:TriggerLogic"
    inputs_of_stack = {"db": "database"}  # noqa: RUF012 - a constant, declared as such by the base class


class Trigger(Resource, module="influxdb3", name="Trigger"):
    """A trigger of the Processing engine.

    Args:
        resource_name: The resource's name in the program.
        plugin_filename: The plugin to run: ``PluginFile.plugin_filename``, ``PluginDirectory.plugin_filename``, the
            path of a file that is on the server, or ``gh:PATH``.
        trigger_specification: When to run: ``cron(...)``, ``every(...)``, ``table(...)``, ``ALL_TABLES``,
            ``request(...)``, or the text of one.
        db: The database it belongs to; default is the stack's ``influxdb3:database``.
        trigger_name: Its name on the server; default is ``resource_name``.
        trigger_arguments: What the plugin gets as ``args``, which is text: numbers and booleans are converted.
        trigger_settings: How runs are executed.
        node_spec: The nodes of an Enterprise cluster that run it: ``"all"`` or node ids. Where
            ``influxdb3:pluginHosts`` maps node ids to URLs, each has to be among them.
        disabled: Keep it without running.
        adopt: Take over a trigger of that name that exists; nothing is sent where it is the same. ``run_async`` and
            ``node_spec``, which servers do not tell, are taken as not set there.
        force_delete: Delete it even while the server thinks that it runs.
        watch: Watch the first runs after a creation or a change, also of the plugin's code where the program declares
            that; one that fails puts the previous definition, or code, back.
            A real server logs no failure where ``error_behavior`` is ``"retry"`` or ``"disable"``: what cannot be told
            is said.
        handover: How a trigger on writes is changed. ``"carry"`` (default): the new definition runs as
            ``NAME__pulumi_candidate`` until the old one is gone, so that no write is missed. ``"cut"``: one after the
            other, for plugins that must not run under another name; a notice says which writes were missed.
        restart_on: Any values; a change of one restarts the trigger, which empties its plugin's cache. For
            configuration files, by their content.
        opts: Options of the resource.

    A change of ``disabled`` alone is one request. Any other change swaps the definition: the server validates the new
    one first, and a failure puts the old one back. A new ``db`` or ``trigger_name`` replaces the trigger.
    """

    if TYPE_CHECKING:  # at run time the SDK would evaluate the annotations anew for every resource
        db: pulumi.Output[str]
        trigger_name: pulumi.Output[str]
        plugin_filename: pulumi.Output[str]
        trigger_specification: pulumi.Output[str]
        trigger_arguments: pulumi.Output[dict[str, str] | None]
        trigger_settings: pulumi.Output[dict[str, Any]]
        disabled: pulumi.Output[bool]
        endpoint_url: pulumi.Output[str | None]
        """URL that calls a request trigger; ``None`` for the other kinds.

        That of the stack's ``hostUrl``, or of the first node in ``node_spec`` where ``pluginHosts`` maps node ids to
        URLs.
        """

    def __init__(
        self,
        resource_name: str,
        *,
        plugin_filename: pulumi.Input[str],
        trigger_specification: pulumi.Input[str],
        db: pulumi.Input[str] | None = None,
        trigger_name: pulumi.Input[str] | None = None,
        trigger_arguments: Mapping[str, pulumi.Input[str | int | float | bool]]
        | pulumi.Output[Mapping[str, str]]
        | None = None,
        trigger_settings: TriggerSettings | None = None,
        node_spec: pulumi.Input[str] | list[pulumi.Input[str]] | None = None,
        disabled: pulumi.Input[bool] = False,
        adopt: bool = False,
        force_delete: bool = False,
        watch: Watch | None = None,
        handover: Literal["carry", "cut"] | None = None,
        restart_on: list[Any] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "db": db,
            "trigger_name": resource_name if trigger_name is None else trigger_name,
            "plugin_filename": plugin_filename,
            "trigger_specification": trigger_specification,
            "trigger_arguments": as_texts(f"Trigger {resource_name!r}", "trigger_arguments", trigger_arguments),
            "trigger_settings": trigger_settings,
            "disabled": disabled,
            # made from the specification, so that Pulumi keeps it secret where that is
            "endpoint_url": trigger_specification.apply(lambda _: None)
            if isinstance(trigger_specification, pulumi.Output)
            else None,
        } | given(
            node_spec=node_spec,
            adopt=adopt or None,
            force_delete=force_delete or None,
            watch=asdict(watch) if isinstance(watch, Watch) else watch,
            handover=handover,
            restart_on=listed(f"Trigger {resource_name!r}", "restart_on", restart_on),
        )
        properties = as_properties("Trigger", resource_name, properties)
        super().__init__(TriggerProvider(), resource_name, properties, makes_way(opts))
