"""The definition of a trigger: as a program declares it, and as a server lists it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationInfo

from influxdb3_engine_api import CreateTrigger, ErrorBehavior, SpecificationError, TriggerSettings
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_api.specification import (
    AllTables,
    Cron,
    Every,
    Request,
    Table,
    parse,
    portable,
    same_schedule,
)
from influxdb3_engine_resources.errors import Failure, InvalidInputs, ResourceError
from influxdb3_engine_resources.inputs import Inputs, is_stored
from influxdb3_engine_resources.names import (
    CANDIDATE_SUFFIX,
    DatabaseName,
    PluginFilename,
    TriggerName,
    control_character_problem,
    request_path_problem,
)
from influxdb3_engine_resources.properties import argument_text

if TYPE_CHECKING:
    from influxdb3_engine_api import Specification
    from influxdb3_engine_resources.server.live_triggers import LiveTrigger

_SECOND = 1_000_000_000
_DEFAULT_SETTINGS = {"run_async": False, "error_behavior": "log"}


def _specification(text: str) -> str:
    try:
        specification = portable(parse(text))
    except SpecificationError as error:
        raise ValueError(error.hint) from None
    if isinstance(specification, Every) and specification.total_nanoseconds < _SECOND:
        raise ValueError(f"{specification.duration_text!r} is shorter than a second: write 'every:1s' or more")
    if isinstance(specification, Table) and (
        problem := control_character_problem("the table name", specification.name)
    ):
        raise ValueError(problem)
    if isinstance(specification, Request) and (problem := request_path_problem(specification.path)):
        raise ValueError(problem)
    return specification.text


def _parsed(text: str) -> Specification | None:
    try:
        return parse(text)
    except SpecificationError:  # invalid, and stored by somebody else
        return None


def _settings(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, dict):
        return value
    unknown = sorted(value.keys() - _DEFAULT_SETTINGS.keys())
    if unknown and not is_stored(info):
        raise ValueError(f"unknown setting {unknown[0]!r}: the settings are {' and '.join(_DEFAULT_SETTINGS)}")
    return _DEFAULT_SETTINGS | value


def _argument(value: Any) -> Any:
    if isinstance(value, list | dict):
        raise ValueError("plugins get only text: pass json.dumps(VALUE), and use json.loads in the plugin")
    return argument_text(value)


def _nodes(value: Any) -> Any:
    if value is None or value == "all":
        return value
    if isinstance(value, list) and value and all(isinstance(node, str) and node for node in value):
        if problem := next(filter(None, (control_character_problem("a node id", node) for node in value)), None):
            raise ValueError(problem)
        return value
    raise ValueError("write 'all' or a list of node ids")


class WatchInputs(BaseModel):
    """How long to watch a trigger after it was created or changed.

    Attributes:
        seconds: The longest time.
        runs: Number of runs that must finish without an error; watching ends then.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    seconds: float = Field(gt=0, le=3600, allow_inf_nan=False)
    runs: int = Field(default=1, ge=1)


class TriggerInputs(Inputs):
    """A trigger as a program declares it; the properties are the API's (contract 1.2)."""

    derived: ClassVar[frozenset[str]] = frozenset({"endpoint_url", "plugin_sha256", "left_candidate"})
    flags: ClassVar[frozenset[str]] = frozenset({"adopt", "force_delete"})

    db: DatabaseName
    trigger_name: TriggerName
    plugin_filename: PluginFilename
    trigger_specification: Annotated[str, AfterValidator(_specification)]
    trigger_arguments: Mapping[str, Annotated[str, BeforeValidator(_argument)]] | None = None
    trigger_settings: Annotated[TriggerSettings, BeforeValidator(_settings)] = TriggerSettings.model_validate(
        _DEFAULT_SETTINGS
    )
    node_spec: Annotated[str | list[str] | None, PlainValidator(_nodes)] = None
    disabled: bool = False
    adopt: bool = False
    force_delete: bool = False
    watch: WatchInputs | None = None
    handover: Literal["carry", "cut"] | None = None
    restart_on: list[Any] | None = None
    endpoint_url: str | None = None
    plugin_sha256: str | None = None
    """Hash of the code that it runs; None if the trigger is not watched or the program does not declare the code."""
    left_candidate: str | None = None
    """A candidate that a refresh has found: a killed deployment left it."""

    def changed(self, other: Self, ignore: frozenset[str] = frozenset()) -> set[str]:
        """As for all inputs; the hash of the code counts only if the trigger is watched."""
        unwatched = other.watch is None or other.plugin_sha256 is None
        return super().changed(other, ignore | {"plugin_sha256"} if unwatched else ignore)

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

    def candidate(self, *, disabled: bool) -> TriggerInputs:
        """The same definition under the candidate's name."""
        return self.model_copy(update={"trigger_name": f"{self.trigger_name}{CANDIDATE_SUFFIX}", "disabled": disabled})

    @property
    def runs_on_writes(self) -> bool:
        """Whether it is an enabled WAL trigger."""
        return not self.disabled and isinstance(_parsed(self.trigger_specification), AllTables | Table)

    @property
    def schedule(self) -> Cron | Every | None:
        """When it runs, if it is an enabled schedule trigger, else None."""
        specification = _parsed(self.trigger_specification)
        return specification if isinstance(specification, Cron | Every) and not self.disabled else None

    @property
    def owner(self) -> tuple[str, str]:
        """What identifies it on a server."""
        return (self.db, self.trigger_name)

    @property
    def served_path(self) -> str | None:
        """The request path that it serves, if it is an enabled request trigger, else None."""
        if self.disabled or not self.trigger_specification.startswith("request:"):
            return None
        specification = parse(self.trigger_specification)
        return specification.path if isinstance(specification, Request) else None


def asked_for(id_: str) -> TriggerInputs:
    """The trigger with an id; the properties that its server has are placeholders.

    Raises:
        InvalidInputs: The id is invalid.
    """
    db, slash, name = id_.partition("/")  # no name of a database has a slash
    if not slash:
        raise InvalidInputs([Failure(property="id", reason="write DATABASE/TRIGGER_NAME")])
    placeholders = {"plugin_filename": "plugin.py", "trigger_specification": AllTables().text}
    return TriggerInputs.checked({"db": db, "trigger_name": name} | placeholders)


ONLY_FOR_US = frozenset({"adopt", "force_delete", "watch", "handover"})
"""Properties that say how to deploy; they are not part of what is deployed."""

NOT_IN_DEFINITION = frozenset({"restart_on", "plugin_sha256", "left_candidate"})
"""Properties that are not part of the definition, although their change is an update."""

NOT_ON_SERVER = ONLY_FOR_US | NOT_IN_DEFINITION | {"endpoint_url"}
"""Properties that the server does not have."""


def label(inputs: TriggerInputs) -> str:
    """The trigger in messages."""
    return f"trigger {inputs.trigger_name!r} in database {inputs.db!r}{inputs.on_engine}"


def _is_same_schedule(text: str, specification: Specification) -> bool:
    parsed = _parsed(text)
    return text == specification.text if parsed is None else same_schedule(parsed, specification)


def described(live: LiveTrigger, state: TriggerInputs) -> TriggerInputs:
    """The inputs that describe a live trigger; properties that the server does not list come from ``state``.

    Raises:
        ResourceError: The server has a specification or an error behaviour that this package does not know.
    """
    row = live.row
    try:
        specification = live.specification()
        settings = state.trigger_settings.model_copy(update={"error_behavior": ErrorBehavior(row.error_behavior)})
    except ValueError as error:
        raise ResourceError(
            f"{label(state)} has a definition that this package does not know: {shown(str(error))}. Upgrade the package"
        ) from error
    same = _is_same_schedule(state.trigger_specification, specification)
    arguments = live.arguments
    if arguments is None and not state.trigger_arguments:
        arguments = None if state.trigger_arguments is None else {}  # the tables list both in the same way
    return state.model_copy(
        update={
            "plugin_filename": row.plugin_filename,
            "trigger_specification": state.trigger_specification if same else specification.text,
            "trigger_arguments": arguments,
            "trigger_settings": settings,
            "disabled": row.disabled,
            "endpoint_url": state.endpoint_url if same else None,
        }
    )


def adopted(live: LiveTrigger, wanted: TriggerInputs) -> TriggerInputs:
    """The inputs that describe somebody else's live trigger; what the server does not list has its default.

    Raises:
        ResourceError: As ``described``.
    """
    settings = wanted.trigger_settings.model_copy(update={"run_async": False})
    return described(live, wanted.model_copy(update={"trigger_settings": settings, "node_spec": None}))
