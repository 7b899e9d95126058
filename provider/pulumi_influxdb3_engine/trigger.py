"""Triggers: what runs a plugin, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypedDict, overload

import pulumi

from pulumi_influxdb3_engine._arguments import as_texts, listed, when_known
from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._resource import EngineResource, ResourceArgs, arguments, given, makes_way
from pulumi_influxdb3_engine.dry_runs import Arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from influxdb3_engine_resources.triggers.logic import TriggerLogic


class TriggerSettings(TypedDict, total=False):
    """How a trigger's runs are executed.

    Attributes:
        run_async: Whether runs may overlap; default: False.
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

    seconds: pulumi.Input[float]
    runs: pulumi.Input[int] = 1


class TriggerProvider(EngineProvider):
    """Dynamic provider of triggers."""

    inputs_of_stack: ClassVar[Mapping[str, str]] = {"db": "database"}

    def _logic(self) -> TriggerLogic:
        """What a trigger does."""
        from influxdb3_engine_resources.triggers.logic import TriggerLogic  # noqa: PLC0415 - see _dynamic

        return TriggerLogic()


@dataclass(kw_only=True)
class TriggerArgs(ResourceArgs):
    """The arguments of a ``Trigger`` as one value; ``Trigger`` describes them."""

    plugin_filename: pulumi.Input[str]
    trigger_specification: pulumi.Input[str]
    db: pulumi.Input[str] | None = None
    trigger_name: pulumi.Input[str] | None = None
    trigger_arguments: Arguments | None = None
    trigger_settings: pulumi.Input[TriggerSettings] | None = None
    node_spec: pulumi.Input[str | Sequence[pulumi.Input[str]]] | None = None
    disabled: pulumi.Input[bool] | None = None
    adopt: pulumi.Input[bool] | None = None
    force_delete: pulumi.Input[bool] | None = None
    watch: pulumi.Input[Watch] | None = None
    handover: pulumi.Input[Literal["carry", "cut"]] | None = None
    restart_on: pulumi.Input[Sequence[Any]] | None = None


class Trigger(EngineResource, module="influxdb3", name="Trigger"):
    """A trigger of the Processing engine.

    Args:
        resource_name: The resource's name in the program.
        args: All the following as one ``TriggerArgs``, instead of by keyword.
        plugin_filename: The plugin to run: ``PluginFile.plugin_filename``, ``PluginDirectory.plugin_filename``, the
            path of a file that is on the server, or ``gh:PATH``.
        trigger_specification: When to run: ``cron(...)``, ``every(...)``, ``table(...)``, ``ALL_TABLES``,
            ``request(...)``, or the text of one.
        db: The database it belongs to; default: the stack's ``influxdb3:database``.
        trigger_name: Its name on the server; default: ``resource_name``.
        trigger_arguments: What the plugin gets as ``args``, which is text: numbers and booleans are converted.
        trigger_settings: How runs are executed.
        node_spec: The nodes of an Enterprise cluster that run it: ``"all"`` or node ids. Where
            ``influxdb3:pluginHosts`` maps node ids to URLs, each has to be among them.
        disabled: Keep it without running.
        adopt: Take over a trigger of that name that exists; nothing is sent if it is the same. ``run_async`` and
            ``node_spec``, which servers do not tell, are taken as not set there.
        force_delete: Delete it even while the server thinks that it runs.
        watch: Watch the first runs after a creation or a change, also of the plugin's code where the program declares
            that; one that fails puts the previous definition, or code, back.
            A real server logs no failure where ``error_behavior`` is ``"retry"`` or ``"disable"``: a warning says so if
            the log cannot tell whether a run failed.
        handover: How a trigger on writes is changed. ``"carry"`` (default): the new definition runs as
            ``NAME__pulumi_candidate`` until the old one is gone, so that no write is missed. ``"cut"``: one after the
            other, for plugins that must not run under another name; a notice says which writes were missed.
        restart_on: Any values; a change of one restarts the trigger, which empties its plugin's cache. For
            configuration files, by their content.
        opts: Options of the resource.

    A change of ``disabled`` alone is one request. Any other change swaps the definition: the server validates the new
    one first, and a failure puts the old one back. A new ``db`` or ``trigger_name`` replaces the trigger.
    """

    @overload
    def __init__(self, resource_name: str, args: TriggerArgs, opts: pulumi.ResourceOptions | None = None) -> None: ...
    @overload
    def __init__(
        self,
        resource_name: str,
        *,
        plugin_filename: pulumi.Input[str],
        trigger_specification: pulumi.Input[str],
        db: pulumi.Input[str] | None = None,
        trigger_name: pulumi.Input[str] | None = None,
        trigger_arguments: Arguments | None = None,
        trigger_settings: pulumi.Input[TriggerSettings] | None = None,
        node_spec: pulumi.Input[str | Sequence[pulumi.Input[str]]] | None = None,
        disabled: pulumi.Input[bool] | None = None,
        adopt: pulumi.Input[bool] | None = None,
        force_delete: pulumi.Input[bool] | None = None,
        watch: pulumi.Input[Watch] | None = None,
        handover: pulumi.Input[Literal["carry", "cut"]] | None = None,
        restart_on: pulumi.Input[Sequence[Any]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: TriggerArgs | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **by_keyword: Any,
    ) -> None:
        args = arguments(TriggerArgs, resource_name, args, by_keyword)
        where = f"Trigger {resource_name!r}"
        specification: Any = args.trigger_specification
        properties = {
            "db": args.db,
            "trigger_name": resource_name if args.trigger_name is None else args.trigger_name,
            "plugin_filename": args.plugin_filename,
            "trigger_specification": specification,
            "trigger_arguments": as_texts(where, "trigger_arguments", args.trigger_arguments),
            "trigger_settings": args.trigger_settings,
            "disabled": False if args.disabled is None else args.disabled,
            # made from the specification, so that Pulumi keeps it secret if that is secret
            "endpoint_url": when_known(lambda _: None, specification),
        } | given(
            node_spec=args.node_spec,
            adopt=args.adopt,
            force_delete=args.force_delete,
            watch=when_known(_watch_property, args.watch),
            handover=args.handover,
            restart_on=listed(where, "restart_on", args.restart_on),
        )
        super().__init__(TriggerProvider(), resource_name, properties, makes_way(opts))

    @property
    def db(self) -> pulumi.Output[str]:
        """The database that the trigger belongs to."""
        return self._output("db")

    @property
    def trigger_name(self) -> pulumi.Output[str]:
        """The trigger's name on the server."""
        return self._output("trigger_name")

    @property
    def plugin_filename(self) -> pulumi.Output[str]:
        """The plugin that runs."""
        return self._output("plugin_filename")

    @property
    def trigger_specification(self) -> pulumi.Output[str]:
        """When the plugin runs, in the form that all releases of the server take."""
        return self._output("trigger_specification")

    @property
    def trigger_arguments(self) -> pulumi.Output[dict[str, str] | None]:
        """What the plugin gets as ``args``."""
        return self._output("trigger_arguments")

    @property
    def trigger_settings(self) -> pulumi.Output[dict[str, Any]]:
        """How runs are executed, defaults included."""
        return self._output("trigger_settings")

    @property
    def node_spec(self) -> pulumi.Output[str | list[str] | None]:
        """The nodes that run the trigger; None if the program does not say."""
        return self._output("node_spec")

    @property
    def disabled(self) -> pulumi.Output[bool]:
        """Whether the trigger is kept without running."""
        return self._output("disabled")

    @property
    def adopt(self) -> pulumi.Output[bool]:
        """Whether a trigger that exists is taken over."""
        return self._output("adopt", default=False)

    @property
    def force_delete(self) -> pulumi.Output[bool]:
        """Whether the trigger is deleted even while the server thinks that it runs."""
        return self._output("force_delete", default=False)

    @property
    def watch(self) -> pulumi.Output[dict[str, Any] | None]:
        """``seconds`` and ``runs`` of the watch; None if first runs are not watched."""
        return self._output("watch")

    @property
    def handover(self) -> pulumi.Output[str | None]:
        """How a trigger on writes is changed; None is ``"carry"``."""
        return self._output("handover")

    @property
    def restart_on(self) -> pulumi.Output[list[Any] | None]:
        """The values whose change restarts the trigger."""
        return self._output("restart_on")

    @property
    def endpoint_url(self) -> pulumi.Output[str | None]:
        """URL that calls a request trigger; None for the other kinds.

        The URL is below the stack's ``hostUrl``, or below that of the first node in ``node_spec`` if ``pluginHosts``
        maps node ids to URLs.
        """
        return self._output("endpoint_url")


def _watch_property(watch: Any) -> Any:
    return {"seconds": watch.seconds, "runs": watch.runs} if isinstance(watch, Watch) else watch
