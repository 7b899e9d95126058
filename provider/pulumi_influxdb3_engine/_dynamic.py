"""The one adapter between resource logic and Pulumi's dynamic providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import Unknown as PulumiUnknown
from pulumi.runtime.rpc import UNKNOWN as UNKNOWN_TEXT

from influxdb3_engine_api import EngineApiError
from pulumi_influxdb3_engine.logic.configuration import Engine, configuration, engine
from pulumi_influxdb3_engine.logic.inputs import UNKNOWN, Failure, Inputs, InvalidInputs, Unknown
from pulumi_influxdb3_engine.logic.resource import ResourceError, ResourceLogic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Result = TypeVar("Result")
PROVIDER = "__provider"


class DeploymentError(Exception):
    """Why an operation failed; the message says what is live now."""


class EngineProvider(ResourceProvider):
    """Dynamic provider of one kind of resource.

    State files name the subclasses, which are pickled by reference: their modules and names are public API.

    Attributes:
        logic: What the resource does.
        inputs_of_stack: Inputs that stack configuration gives a default: property to attribute of ``Configuration``.
    """

    # the pickle is a class's name: encrypting it would cost a round trip to the secrets manager and hide nothing
    serialize_as_secret_always = False
    logic: ClassVar[ResourceLogic[Any]]
    inputs_of_stack: ClassVar[Mapping[str, str]] = {}

    def configure(self, req: ConfigureRequest) -> None:
        """Read the stack's configuration; called once, before anything else."""
        self._configuration = configuration(req.config.get)

    @property
    def _engine(self) -> Engine:
        return engine(self._configuration)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Validate, fill in defaults and derive; nothing is sent."""
        properties = self._with_defaults(_from_pulumi(news))
        try:
            inputs = self.logic.check(self.logic.inputs_type.checked(properties), self._configuration)
            self._check_online(inputs, new=not _olds)
            return CheckResult(_to_pulumi(inputs.properties()), [])
        except InvalidInputs as error:
            # the path goes into the reason: Pulumi prints the value of a property that a failure names, be it secret
            # or a whole file
            failures = [
                CheckFailure("", f"{each.property}: {each.reason}") for each in map(self._explained, error.failures)
            ]
            return CheckResult({name: value for name, value in news.items() if name != PROVIDER}, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """What a change of inputs leads to; nothing is sent."""
        difference = self.logic.diff(self._stored(_olds), self._stored(_news))
        return DiffResult(
            # "unknown" lets Pulumi tell which inputs differ, which it needs for replace_on_changes and to show them
            changes=None if difference.changes else False,
            replaces=list(difference.replaces),
            delete_before_replace=difference.delete_before_replace,
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make the resource exist."""
        inputs = self._stored(props)
        created = self._attempt(lambda: self.logic.create(inputs, self._engine))
        return CreateResult(created.id, self._state(inputs, created.outputs))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The resource as it is now; an empty id where it is gone."""
        inputs = self._stored(props)
        outputs = {name: value for name, value in _from_pulumi(props).items() if name not in type(inputs).model_fields}
        live = self._attempt(lambda: self.logic.read(inputs, outputs, self._engine))
        if live is None:
            return ReadResult("", {})
        return ReadResult(id_, self._state(live.inputs, live.outputs), _to_pulumi(live.inputs.properties()))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Turn the resource into its new definition, or leave the old one live."""
        inputs = self._stored(_news)
        outputs = self._attempt(lambda: self.logic.update(self._stored(_olds), inputs, self._engine))
        return UpdateResult(self._state(inputs, outputs))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Make the resource not exist."""
        self._attempt(lambda: self.logic.delete(self._stored(_props), self._engine))

    def _check_online(self, inputs: Inputs, *, new: bool) -> None:
        # what is taken over is shown by the preview, which asks for it then
        if self._configuration.online_checks or getattr(inputs, "adopt", False):
            try:
                self.logic.check_online(inputs, self._engine, new=new)
            except EngineApiError as error:
                raise DeploymentError(str(error)) from None

    def _with_defaults(self, properties: dict[str, Any]) -> dict[str, Any]:
        defaults = {name: getattr(self._configuration, of) for name, of in self.inputs_of_stack.items()}
        return {name: value for name, value in defaults.items() if value is not None} | properties

    def _explained(self, failure: Failure) -> Failure:
        if failure.property in self.inputs_of_stack and failure.reason == "a value is required":
            key = f"influxdb3:{self.inputs_of_stack[failure.property]}"
            return Failure(
                property=failure.property, reason=f"set it, or a default for the stack: pulumi config set {key} NAME"
            )
        return failure

    def _stored(self, properties: dict[str, Any]) -> Any:
        return self.logic.inputs_type.stored(_from_pulumi(properties))

    def _state(self, inputs: Inputs, outputs: Mapping[str, Any]) -> dict[str, Any]:
        state: dict[str, Any] = _to_pulumi(inputs.properties() | dict(outputs))
        return state

    def _attempt(self, operation: Callable[[], Result]) -> Result:
        # Pulumi shows the traceback of what a provider raises: keep it to the message
        try:
            return operation()
        except (ResourceError, InvalidInputs, EngineApiError) as error:
            raise DeploymentError(str(error)) from None


def _from_pulumi(value: Any) -> Any:
    """A value as the logic takes it: the provider's own member gone, unknowns as its marker, whole numbers as such."""
    if isinstance(value, dict):
        return {name: _from_pulumi(each) for name, each in value.items() if name != PROVIDER}
    if isinstance(value, list):
        return [_from_pulumi(each) for each in value]
    if isinstance(value, PulumiUnknown) or value == UNKNOWN_TEXT:
        return UNKNOWN
    if isinstance(value, float) and value.is_integer():
        return int(value)  # numbers travel as doubles
    return value


def _to_pulumi(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _to_pulumi(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_to_pulumi(each) for each in value]
    return UNKNOWN_TEXT if isinstance(value, Unknown) else value
