"""Dynamic providers, by the names that state files hold.

A program imports this module. What only the provider's process needs is imported in functions, so that a program starts
sooner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pulumi.dynamic import ResourceProvider

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.dynamic import CheckResult, ConfigureRequest, CreateResult, DiffResult, ReadResult, UpdateResult

    from influxdb3_engine_resources.resource import ResourceLogic


class EngineProvider(ResourceProvider):
    """Dynamic provider of one kind of resource.

    State files hold each subclass as a pickle, by module and name: never rename or move a subclass.

    Attributes:
        inputs_of_stack: Inputs whose default is in the stack configuration: property to attribute of
            ``Configuration``.
    """

    # the pickle holds only the name of a class: encrypting it takes a request to the secrets manager and hides nothing
    serialize_as_secret_always = False
    inputs_of_stack: ClassVar[Mapping[str, str]] = {}

    def _logic(self) -> ResourceLogic[Any]:
        """What the resource does; imported by the call, since a program does not need it."""
        raise NotImplementedError

    def configure(self, req: ConfigureRequest) -> None:
        """Read the stack's configuration; Pulumi calls this before all other methods.

        A program checks the configuration before it declares anything. In a refresh or a destroy no program runs, so
        that each resource fails here.

        Raises:
            DeploymentError: The configuration has an invalid value; only the first error of a process names it.
        """
        from influxdb3_engine_resources.configuration import servers  # noqa: PLC0415
        from influxdb3_engine_resources.errors import InvalidInputs  # noqa: PLC0415
        from pulumi_influxdb3_engine._adapter import Adapter  # noqa: PLC0415 - not in the program's process
        from pulumi_influxdb3_engine._failures import reported_once, show_messages_alone  # noqa: PLC0415

        show_messages_alone()
        try:
            stack = servers(req.config.get)
        except InvalidInputs as error:
            raise reported_once(str(error)) from None
        self._adapter = Adapter(self._logic(), self.inputs_of_stack, stack)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Validate inputs, fill in defaults and computed properties."""
        return self._adapter.check(_olds, news)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Say what a change of inputs leads to; sends nothing."""
        return self._adapter.diff(_olds, _news)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make the resource exist."""
        return self._adapter.create(props)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Read the resource from the server; an empty id if it is gone."""
        return self._adapter.read(id_, props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Make the change, or leave the old definition live."""
        return self._adapter.update(_olds, _news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove the resource."""
        self._adapter.delete(_props)
