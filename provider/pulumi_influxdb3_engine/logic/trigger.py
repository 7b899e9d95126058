"""The logic of triggers: one definition is live at any time, the old or the new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, PlainValidator

from influxdb3_engine_api import (
    Conflict,
    CreateTrigger,
    EngineApiError,
    NotFound,
    SpecificationError,
    TriggerSettings,
    paths,
)
from influxdb3_engine_api.specification import Every, Request, parse, parse_catalog, portable, same_schedule
from pulumi_influxdb3_engine.logic.inputs import Failure, Inputs, InvalidInputs
from pulumi_influxdb3_engine.logic.names import DatabaseName, PluginFilename, TriggerName, request_path_problem
from pulumi_influxdb3_engine.logic.plugin_source import KNOWN_SOURCES
from pulumi_influxdb3_engine.logic.resource import Created, Difference, Live, ResourceError, ResourceLogic
from pulumi_influxdb3_engine.logic.trigger_changes import TriggerChanges

if TYPE_CHECKING:
    from influxdb3_engine_api import Specification
    from pulumi_influxdb3_engine.logic.configuration import Configuration, Engine
    from pulumi_influxdb3_engine.logic.resource import Properties
    from pulumi_influxdb3_engine.logic.system_tables import LiveTrigger

_SECOND = 1_000_000_000


def _specification(text: str) -> str:
    try:
        specification = portable(parse(text))
    except SpecificationError as error:
        raise ValueError(error.hint) from None
    if isinstance(specification, Every) and specification.total_nanoseconds < _SECOND:
        raise ValueError(f"{specification.duration_text!r} is shorter than a second: write at least 'every:1s'")
    if isinstance(specification, Request) and (problem := request_path_problem(specification.path)):
        raise ValueError(problem)
    return specification.text


def argument_text(value: Any) -> Any:
    """A trigger argument as the server takes it, which is text: ``80`` is ``"80"``, ``True`` is ``"true"``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _settings(value: Any) -> Any:
    defaults = {"run_async": False, "error_behavior": "log"}
    return defaults | value if isinstance(value, dict) else value


def _nodes(value: Any) -> Any:
    if value is None or value == "all":
        return value
    if isinstance(value, list) and value and all(isinstance(node, str) and node for node in value):
        return value
    raise ValueError("the nodes that run a trigger are 'all' or a list of node ids")


class TriggerInputs(Inputs):
    """A trigger as a program declares it; the properties are the API's (contract 1.2)."""

    derived: ClassVar[frozenset[str]] = frozenset({"endpoint_url"})

    db: DatabaseName
    trigger_name: TriggerName
    plugin_filename: PluginFilename
    trigger_specification: Annotated[str, AfterValidator(_specification)]
    trigger_arguments: Mapping[str, Annotated[str, BeforeValidator(argument_text)]] | None = None
    trigger_settings: Annotated[TriggerSettings, BeforeValidator(_settings)] = TriggerSettings.model_validate(
        _settings({})
    )
    node_spec: Annotated[str | list[str] | None, PlainValidator(_nodes)] = None
    disabled: bool = False
    adopt: bool = False
    force_delete: bool = False
    endpoint_url: str | None = None

    def body(self) -> CreateTrigger:
        """The request that creates it."""
        nodes: Any = {"nodes": self.node_spec} if isinstance(self.node_spec, list) else self.node_spec
        return CreateTrigger(
            db=self.db,
            plugin_filename=self.plugin_filename,
            trigger_name=self.trigger_name,
            trigger_settings=self.trigger_settings,
            trigger_specification=self.trigger_specification,
            trigger_arguments=None if self.trigger_arguments is None else dict(self.trigger_arguments),
            disabled=self.disabled,
            node_spec=nodes,
        )


_ONLY_FOR_US = frozenset({"adopt", "force_delete"})
_NOT_ON_SERVER = _ONLY_FOR_US | {"endpoint_url"}
_IDENTITY = ("db", "trigger_name")
_REFRESH = "once the engine answers, 'pulumi up --refresh' mends it"


class TriggerLogic(ResourceLogic[TriggerInputs]):
    """Triggers (contract 1.2 to 1.4)."""

    inputs_type = TriggerInputs

    def check(self, inputs: TriggerInputs, configuration: Configuration) -> TriggerInputs:
        """Derive ``endpoint_url``, and refuse a plugin that this kind of trigger cannot call."""
        if not inputs.known("trigger_specification"):
            return inputs
        specification = parse(inputs.trigger_specification)
        if inputs.known("plugin_filename"):
            source = KNOWN_SOURCES.find(inputs.plugin_filename)
            problem = source.problem(specification.plugin_type) if source else None
            if problem:
                reason = f"{inputs.plugin_filename} cannot run on {inputs.trigger_specification!r}: {problem}"
                raise InvalidInputs([Failure(property="plugin_filename", reason=reason)])
        if not isinstance(specification, Request):
            return inputs
        url = configuration.host_url + paths.engine(specification.path)
        return inputs.model_copy(update={"endpoint_url": url})

    def diff(self, state: TriggerInputs, inputs: TriggerInputs) -> Difference:
        """A new name or database is another trigger; the old goes first, since both would serve one request path."""
        changed = state.changed(inputs, _ONLY_FOR_US)
        replaces = tuple(name for name in _IDENTITY if name in changed)
        return Difference(bool(changed), replaces, delete_before_replace=True)

    def create(self, inputs: TriggerInputs, engine: Engine) -> Created:
        """One request, unless a trigger of that name exists or the answer is lost."""
        changes = TriggerChanges(engine, inputs.db)
        try:
            changes.create(inputs.body())
        except Conflict:
            self._take_over(inputs, engine)
        except EngineApiError as error:
            raise ResourceError(f"{_label(inputs)} was not created: {error}") from error
        return Created(f"{inputs.db}/{inputs.trigger_name}")

    def read(self, state: TriggerInputs, outputs: Properties, engine: Engine) -> Live[TriggerInputs] | None:
        """What the system tables tell; ``run_async`` and ``node_spec``, which no release tells, are kept."""
        live = TriggerChanges(engine, state.db).live(state.trigger_name)
        return None if live is None else Live(_described(live, state), outputs)

    def update(self, state: TriggerInputs, inputs: TriggerInputs, engine: Engine) -> Properties:
        """Enable or disable where that is all, else swap the definition."""
        changed = state.changed(inputs, _NOT_ON_SERVER)
        if changed == {"disabled"}:
            self._set_enabled(inputs, TriggerChanges(engine, inputs.db))
        elif changed:
            self._swap(state, inputs, TriggerChanges(engine, inputs.db))
        return {}

    def delete(self, state: TriggerInputs, engine: Engine) -> None:
        """Disable, so that the server lets go of the running plugin, then delete."""
        try:
            TriggerChanges(engine, state.db).remove(state.trigger_name, force=state.force_delete)
        except EngineApiError as error:
            raise ResourceError(f"{_label(state)} was not deleted: {error}") from error

    def _set_enabled(self, inputs: TriggerInputs, changes: TriggerChanges) -> None:
        try:
            try:
                changes.set_enabled(inputs.trigger_name, enabled=not inputs.disabled)
            except NotFound:  # deleted by hand: what is wanted is that it exists
                changes.create(inputs.body())
        except EngineApiError as error:
            wanted = "disabled" if inputs.disabled else "enabled"
            raise ResourceError(f"{_label(inputs)} was not {wanted}: {error}") from error

    def _take_over(self, inputs: TriggerInputs, engine: Engine) -> None:
        live = TriggerChanges(engine, inputs.db).live(inputs.trigger_name, fresh=True)
        if live is None:
            raise ResourceError(f"{_label(inputs)} exists, the server says, but is not listed: deploy again")
        existing = _described(live, inputs)
        if not inputs.adopt:
            differing = sorted(existing.changed(inputs, _NOT_ON_SERVER))
            how = f"differs in {', '.join(differing)}" if differing else "is the same"
            raise ResourceError(
                f"{_label(inputs)} exists already and {how}: it runs {live.row.plugin_filename} on "
                f"{existing.trigger_specification!r}. Take it over with adopt=True, choose another trigger_name, "
                f"or delete it: influxdb3 delete trigger --database {inputs.db} {inputs.trigger_name} --force"
            )
        self.update(existing, inputs, engine)

    def _swap(self, state: TriggerInputs, inputs: TriggerInputs, changes: TriggerChanges) -> None:
        """Replace the definition; the server has no update (measured: the last three requests take about 2 ms)."""
        try:
            changes.validate(inputs.body())
        except EngineApiError as error:
            raise ResourceError(
                f"{_label(inputs)} cannot be changed, the definition that was live before stays so: {error}"
            ) from error
        try:
            changes.remove(state.trigger_name, force=state.force_delete)
        except EngineApiError as error:
            raise ResourceError(f"{_label(state)} was not changed: {error}. {_revive(state, changes)}") from error
        try:
            changes.create(inputs.body())
        except EngineApiError as error:
            raise ResourceError(f"{_label(state)} was not changed: {error}. {_put_back(state, changes)}") from error


def _label(inputs: TriggerInputs) -> str:
    return f"trigger {inputs.trigger_name!r} in database {inputs.db!r}"


def _revive(state: TriggerInputs, changes: TriggerChanges) -> str:
    """After a removal that failed half-way: start the old trigger again if it is there, and say what is live."""
    try:
        if not state.disabled:
            changes.set_enabled(state.trigger_name, enabled=True)
    except NotFound:
        return _put_back(state, changes)
    except EngineApiError as error:
        return f"The previous definition is there, but may be disabled ({error}): {_REFRESH}"
    return "The previous definition is live"


def _put_back(state: TriggerInputs, changes: TriggerChanges) -> str:
    """After a creation that failed: create the old definition again, and say what is live."""
    try:
        changes.create(state.body())
    except Conflict:
        return f"A trigger of that name is live, the server says: {_REFRESH}"
    except EngineApiError as error:
        return f"It is not live, since the previous definition could not be put back either ({error}): {_REFRESH}"
    return "The previous definition is live again"


def _means(text: str, specification: Specification) -> bool:
    try:
        return same_schedule(parse(text), specification)
    except SpecificationError:  # made by hand, in a form that this package would refuse
        return text == specification.text


def _described(live: LiveTrigger, state: TriggerInputs) -> TriggerInputs:
    """The inputs that describe a live trigger; what the server does not tell is taken from ``state``."""
    row = live.row
    try:
        specification = parse_catalog(row.trigger_specification)
    except ValueError as error:
        raise ResourceError(f"{_label(state)} cannot be read: {error}") from error
    same = _means(state.trigger_specification, specification)
    arguments = live.arguments
    if arguments is None and not state.trigger_arguments:
        arguments = None if state.trigger_arguments is None else {}  # the tables show no difference
    return state.model_copy(
        update={
            "plugin_filename": row.plugin_filename,
            "trigger_specification": state.trigger_specification if same else specification.text,
            "trigger_arguments": arguments,
            "trigger_settings": state.trigger_settings.model_copy(update={"error_behavior": row.error_behavior}),
            "disabled": row.disabled,
            "endpoint_url": state.endpoint_url if same else None,
        }
    )
