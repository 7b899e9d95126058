"""The adapter between resource logic and Pulumi's dynamic providers; runs in the provider's process."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult
from pulumi.output import Unknown as PulumiUnknown
from pulumi.runtime.rpc import UNKNOWN as UNKNOWN_TEXT

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_api.foreign_text import message
from influxdb3_engine_resources.errors import Failure, InvalidInputs, ResourceError
from influxdb3_engine_resources.hidden_values import hide_inputs, hide_secrets
from influxdb3_engine_resources.inputs import UNKNOWN, Inputs, Unknown
from influxdb3_engine_resources.located import Located
from influxdb3_engine_resources.program import program
from influxdb3_engine_resources.properties import LOST, SECRETS
from influxdb3_engine_resources.server.remedies import stored_configuration, with_remedy
from influxdb3_engine_resources.stack_keys import about_engine
from pulumi_influxdb3_engine._failures import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from influxdb3_engine_resources.configuration import Configuration, Servers
    from influxdb3_engine_resources.resource import ResourceLogic
    from influxdb3_engine_resources.server.engine import Engine

Result = TypeVar("Result")
PROVIDER = "__provider"


class Adapter:
    """Answers Pulumi's provider protocol for one kind of resource.

    Args:
        logic: What the resource does.
        inputs_of_stack: Inputs that stack configuration gives a default: property to attribute of ``Configuration``.
        servers: The stack's servers.
    """

    def __init__(self, logic: ResourceLogic[Any], inputs_of_stack: Mapping[str, str], servers: Servers) -> None:
        self._logic = Located(logic)
        self._inputs_of_stack = inputs_of_stack
        self._servers = servers

    def _engine(self, configuration: Configuration) -> Engine:
        from influxdb3_engine_resources.server.engine import engine  # noqa: PLC0415 - previews need no client

        return engine(configuration)

    def _engine_of(self, inputs: Inputs) -> Engine:
        return self._engine(self._servers.of(inputs.engine))

    @property
    def _is_running(self) -> bool:
        return program(self._servers.default).is_running

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Validate inputs, fill in defaults and computed properties.

        Sends requests only for online checks and for resources that are adopted.
        """
        program(self._servers.default).is_running = True
        news = {name: value for name, value in news.items() if name != PROVIDER}
        hide_secrets(news, news.pop(SECRETS, ()))
        if news.pop(LOST, ()):
            return CheckResult(olds or news, [])  # Pulumi will skip this resource
        properties = _from_pulumi(news)
        state = self._stored(olds) if olds else None
        engine = None
        try:
            configuration = self._declared_server(properties.get("engine"))
            engine = configuration.engine
            program(configuration).is_running = True
            inputs = self._logic.inputs_type.checked(self._with_defaults(properties, configuration))
            inputs = self._logic.check(inputs, state, program(configuration))
            self._check_online(inputs, state, configuration)
            return CheckResult(_to_pulumi(inputs.properties()), [])
        except InvalidInputs as error:
            # the property's name goes into the reason: Pulumi prints the value of a property that a CheckFailure
            # names, even if the value is secret or a whole file
            failures = [
                CheckFailure("", message(about_engine(f"{each.property}: {each.reason}", engine)))
                for each in map(self._naming_the_stack_key, error.failures)
            ]
            return CheckResult(news, failures)

    def diff(self, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Say what a change of inputs leads to; sends nothing."""
        difference = self._logic.diff(self._stored(olds), self._stored(news))
        return DiffResult(
            # None (unknown) makes Pulumi compare the inputs, which it needs for replace_on_changes and to show them
            changes=None if difference.changes else False,
            replaces=list(difference.replaces),
            delete_before_replace=difference.delete_before_replace,
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make the resource exist."""
        inputs = self._stored(props)
        created = self._attempt(inputs.engine, lambda: self._logic.create(inputs, self._engine_of(inputs)))
        return CreateResult(created.id, self._state(inputs, created.outputs))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Read the resource from the server; an empty id if it is gone.

        Raises:
            DeploymentError: The server could not be asked; or the program gets a resource that does not exist.
        """
        if self._is_got(props):
            engine = _from_pulumi(props).get("engine")
            found = self._attempt(engine, lambda: self._logic.found(id_, self._engine(self._declared_server(engine))))
            return ReadResult(id_, self._state(found.inputs, found.outputs))
        inputs = self._stored(props)
        outputs = self._outputs(props)
        live = self._attempt_without_program(inputs, lambda: self._logic.read(inputs, outputs, self._engine_of(inputs)))
        if live is None:
            return ReadResult("", {})
        return ReadResult(id_, self._state(live.inputs, live.outputs), _to_pulumi(live.inputs.properties()))

    def update(self, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Make the change, or leave the old definition live."""
        inputs, state = self._stored(news), self._stored(olds)
        outputs = self._attempt(
            inputs.engine, lambda: self._logic.update(state, self._outputs(olds), inputs, self._engine_of(inputs))
        )
        return UpdateResult(self._state(inputs, outputs))

    def delete(self, props: dict[str, Any]) -> None:
        """Remove the resource."""
        inputs = self._stored(props)
        configuration = self._attempt_without_program(inputs, lambda: self._servers.of(inputs.engine))
        is_deserted = program(configuration).replacements.is_empty
        engine = self._attempt_without_program(inputs, lambda: self._engine(configuration))
        with engine.helper_files.removed_when_idle() if is_deserted else nullcontext():
            self._attempt_without_program(inputs, lambda: self._logic.delete(inputs, engine))

    def _declared_server(self, engine: Any) -> Configuration:
        """The server of the argument ``engine``."""
        if isinstance(engine, str) or engine is None:
            return self._servers.of(engine)
        reason = (
            "the name is unknown during the preview: pass a text"
            if isinstance(engine, Unknown)
            else "the name of an engine in influxdb3:engines is needed, a text"
        )
        raise InvalidInputs([Failure(property="engine", reason=reason)])

    def _check_online(self, inputs: Inputs, state: Inputs | None, configuration: Configuration) -> None:
        # a preview shows what is adopted, so it has to ask the server
        if configuration.online_checks or configuration.adopt or getattr(inputs, "adopt", False) is True:
            engine = self._engine(configuration)
            try:
                if configuration.online_checks:
                    engine.refuse_old_servers()
                self._logic.check_online(inputs, state, engine)
            except (EngineApiError, ResourceError) as error:
                raise DeploymentError(about_engine(with_remedy(error), configuration.engine)) from None

    def _with_defaults(self, properties: dict[str, Any], configuration: Configuration) -> dict[str, Any]:
        defaults = {name: getattr(configuration, of) for name, of in self._inputs_of_stack.items()}
        return {name: value for name, value in defaults.items() if value is not None} | properties

    def _naming_the_stack_key(self, failure: Failure) -> Failure:
        if failure.property in self._inputs_of_stack and failure.reason == "a value is required":
            key = f"influxdb3:{self._inputs_of_stack[failure.property]}"
            return Failure(
                property=failure.property, reason=f"set it, or a default for the stack: pulumi config set {key} NAME"
            )
        return failure

    def _stored(self, properties: dict[str, Any]) -> Any:
        known = _from_pulumi(properties)
        hide_inputs(known)
        try:
            return self._logic.inputs_type.stored(known)
        except InvalidInputs as error:
            raise DeploymentError(str(error)) from None

    def _is_got(self, properties: dict[str, Any]) -> bool:
        """Whether the program gets a resource by its id: Pulumi passes no state then."""
        required = [name for name, each in self._logic.inputs_type.model_fields.items() if each.is_required()]
        # a package set requires neither of its two properties
        return bool(required) and all(properties.get(name) is None for name in required)

    def _outputs(self, properties: dict[str, Any]) -> dict[str, Any]:
        inputs = self._logic.inputs_type.model_fields.keys() - self._logic.inputs_type.state_only
        return {name: value for name, value in _from_pulumi(properties).items() if name not in inputs}

    def _state(self, inputs: Inputs, outputs: Mapping[str, Any]) -> dict[str, Any]:
        state: dict[str, Any] = _to_pulumi(inputs.properties() | dict(outputs))
        return state

    def _attempt_without_program(self, inputs: Inputs, operation: Callable[[], Result]) -> Result:
        with nullcontext() if self._is_running else stored_configuration():
            return self._attempt(inputs.engine, operation)

    def _attempt(self, engine: str | None, operation: Callable[[], Result]) -> Result:
        try:
            return operation()
        except (ResourceError, InvalidInputs, EngineApiError) as error:
            raise DeploymentError(about_engine(with_remedy(error), engine)) from None


def _from_pulumi(value: Any) -> Any:
    """A value as the logic takes it: without Pulumi's ``__provider``, unknowns as ``UNKNOWN``, whole numbers as int."""
    if isinstance(value, dict):
        return {name: _from_pulumi(each) for name, each in value.items() if name != PROVIDER}
    if isinstance(value, list):
        return [_from_pulumi(each) for each in value]
    if isinstance(value, PulumiUnknown) or value == UNKNOWN_TEXT:
        return UNKNOWN
    if isinstance(value, float) and value.is_integer():
        return int(value)  # Pulumi sends all numbers as doubles
    return value


def _to_pulumi(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _to_pulumi(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_to_pulumi(each) for each in value]
    return UNKNOWN_TEXT if isinstance(value, Unknown) else value
