"""The resource ``Trigger``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypedDict, overload

import pulumi

from pulumi_influxdb3_engine._arguments import as_list, as_text_mapping, when_known
from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._resource import EngineResource, ResourceArgs, arguments, deleting_first, without_none
from pulumi_influxdb3_engine.dry_runs import Arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from influxdb3_engine_resources.triggers.logic import TriggerLogic


class TriggerSettings(TypedDict, total=False):
    """How the server executes a trigger's runs.

    Attributes:
        run_async: Whether runs may overlap; default: False.
        error_behavior: What the server does if a run fails; default: ``"log"``. ``"log"``: log the error and go on.
            ``"retry"``: repeat the run. ``"disable"``: disable the trigger. Request triggers always log.
    """

    run_async: pulumi.Input[bool]
    error_behavior: pulumi.Input[Literal["log", "retry", "disable"]]


@dataclass(frozen=True)
class Watch:
    """How long a deployment watches the first runs of a trigger after a change.

    Attributes:
        seconds: The longest time to watch, in seconds; at most 3600.
        runs: How many runs without an error end the watch earlier; default: 1.
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
    """A trigger: makes the server run a plugin on writes, on a schedule or on HTTP requests.

    Args:
        resource_name: The resource's name in the program.
        args: All the following as one ``TriggerArgs``, instead of by keyword.
        plugin_filename: The plugin to run: ``PluginFile.plugin_filename``, ``PluginDirectory.plugin_filename``, the
            path of a file that is on the server, or ``gh:PATH``.
        trigger_specification: When to run the plugin: ``cron(...)``, ``every(...)``, ``table(...)``, ``ALL_TABLES``,
            ``request(...)``, or the text of a specification.
        db: The trigger's database; default: the stack's ``influxdb3:database``.
        trigger_name: The trigger's name on the server; default: ``resource_name``.
        trigger_arguments: The plugin's ``args``, which are text: numbers and booleans are converted. Default: none.
        trigger_settings: How the server executes runs; default: runs do not overlap, and errors are logged.
        node_spec: The nodes of an Enterprise cluster that run the trigger: ``"all"`` or node ids; default: not sent.
            If ``influxdb3:pluginHosts`` maps node ids to URLs, each node id has to be in it.
        disabled: Whether to keep the trigger without running it; default: False.
        adopt: Take over an existing trigger of that name; default: False. ``influxdb3:adopt`` sets it for all
            resources. Without ``adopt``, an existing trigger is an error. Servers do not return ``run_async`` and
            ``node_spec``, so that both count as not set on the server.
        force_delete: Whether to delete the trigger even if the server answers that it is running; default: False.
        watch: Watch the first runs after a change of the trigger or of its declared plugin; default: no watch. If a
            run fails, the old definition or code is rolled back. With ``error_behavior`` ``"retry"`` or ``"disable"``,
            a real server does not log each failure; a warning says so.
        handover: How a trigger on writes is changed; default: ``"carry"``. ``"carry"``: the new definition runs as
            ``NAME__pulumi_candidate`` until the old one is deleted, so that no write is missed. ``"cut"``: the old
            definition is deleted first, for plugins that must not run under another name; a notice says when writes
            were missed.
        restart_on: Any values, such as the content of a configuration file; default: none. A change of a value
            restarts the trigger, which empties its plugin's cache.
        engine: Name of the server in ``influxdb3:engines``; default: the stack's default server. Another name replaces
            the resource: it is created on the new server, then deleted on the old one.
        opts: Options of the resource.

    Raises:
        TypeError: An argument is unknown or missing, or passed both in ``args`` and by keyword.
        SourceError: An argument or the stack's configuration is invalid.

    A change of ``disabled`` alone enables or disables the trigger. A new ``db`` or ``trigger_name`` replaces the
    trigger. Any other change is a swap: the server checks the new definition first, and a failure rolls back.
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
        engine: pulumi.Input[str] | None = None,
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
            "trigger_arguments": as_text_mapping(where, "trigger_arguments", args.trigger_arguments),
            "trigger_settings": args.trigger_settings,
            "disabled": False if args.disabled is None else args.disabled,
            # made from the specification, so that Pulumi keeps it secret if that is secret
            "endpoint_url": when_known(lambda _: None, specification),
        } | without_none(
            engine=args.engine,
            node_spec=args.node_spec,
            adopt=args.adopt,
            force_delete=args.force_delete,
            watch=when_known(_watch_property, args.watch),
            handover=args.handover,
            restart_on=as_list(where, "restart_on", args.restart_on),
        )
        super().__init__(TriggerProvider(), resource_name, properties, deleting_first(opts))

    @property
    def db(self) -> pulumi.Output[str]:
        """The trigger's database."""
        return self._output("db")

    @property
    def trigger_name(self) -> pulumi.Output[str]:
        """The trigger's name on the server."""
        return self._output("trigger_name")

    @property
    def plugin_filename(self) -> pulumi.Output[str]:
        """The plugin that the trigger runs."""
        return self._output("plugin_filename")

    @property
    def trigger_specification(self) -> pulumi.Output[str]:
        """When the plugin runs, in the form that all releases of the server accept."""
        return self._output("trigger_specification")

    @property
    def trigger_arguments(self) -> pulumi.Output[dict[str, str] | None]:
        """The plugin's ``args``."""
        return self._output("trigger_arguments")

    @property
    def trigger_settings(self) -> pulumi.Output[dict[str, Any]]:
        """How the server executes runs, with defaults."""
        return self._output("trigger_settings")

    @property
    def node_spec(self) -> pulumi.Output[str | list[str] | None]:
        """The nodes that run the trigger; None if not set."""
        return self._output("node_spec")

    @property
    def disabled(self) -> pulumi.Output[bool]:
        """Whether the trigger is kept without running."""
        return self._output("disabled")

    @property
    def adopt(self) -> pulumi.Output[bool]:
        """Whether an existing trigger is taken over."""
        return self._output("adopt", default=False)

    @property
    def force_delete(self) -> pulumi.Output[bool]:
        """Whether the trigger is deleted even if the server answers that it is running."""
        return self._output("force_delete", default=False)

    @property
    def watch(self) -> pulumi.Output[dict[str, Any] | None]:
        """``seconds`` and ``runs`` of the watch; None if the deployment does not watch first runs."""
        return self._output("watch")

    @property
    def handover(self) -> pulumi.Output[str | None]:
        """How a trigger on writes is changed; None is ``"carry"``."""
        return self._output("handover")

    @property
    def restart_on(self) -> pulumi.Output[list[Any] | None]:
        """The values that restart the trigger if one changes."""
        return self._output("restart_on")

    @property
    def endpoint_url(self) -> pulumi.Output[str | None]:
        """URL that calls a request trigger; None for the other kinds.

        The URL is below the stack's ``hostUrl``, or below that of the first node in ``node_spec`` if ``pluginHosts``
        maps node ids to URLs.
        """
        return self._output("endpoint_url")

    @classmethod
    def get(
        cls,
        resource_name: str,
        id: pulumi.Input[str],  # noqa: A002 - as every `get` of Pulumi
        opts: pulumi.ResourceOptions | None = None,
        *,
        engine: pulumi.Input[str] | None = None,
    ) -> Trigger:
        """Read a trigger that others manage. The stack never changes or deletes it.

        Args:
            resource_name: The resource's name in the program.
            id: The trigger's database and name: ``"DATABASE/TRIGGER_NAME"``.
            opts: Options of the resource. Arguments and request paths that are secret need
                ``additional_secret_outputs``.
            engine: Name of the server in ``influxdb3:engines``; default: the stack's default server.

        Previews and deployments fail if the trigger does not exist. Servers do not return ``run_async`` and
        ``node_spec``: ``run_async`` is False, and ``node_spec`` is None.

        To stop managing a trigger, replace ``Trigger`` by ``Trigger.get`` with the same ``resource_name`` and the id of
        the trigger: it stays on the server. For another ``resource_name``, run ``pulumi state delete URN`` first.
        """
        return cls._got(TriggerProvider(), resource_name, id, engine, opts)


def _watch_property(watch: Any) -> Any:
    return {"seconds": watch.seconds, "runs": watch.runs} if isinstance(watch, Watch) else watch
