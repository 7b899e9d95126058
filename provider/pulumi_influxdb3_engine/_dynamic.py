"""Dynamic providers as state files name them.

A program imports this module, which imports nothing that only the provider's process needs: it starts sooner.
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

    State files name the subclasses, which are pickled by reference: their modules and names are public API.

    Attributes:
        inputs_of_stack: Inputs that stack configuration gives a default: property to attribute of ``Configuration``.
    """

    # the pickle is a class's name: encrypting it would cost a round trip to the secrets manager and hide nothing
    serialize_as_secret_always = False
    inputs_of_stack: ClassVar[Mapping[str, str]] = {}

    def _logic(self) -> ResourceLogic[Any]:
        """What the resource does; imported on the call, since a program does not need it."""
        raise NotImplementedError

    def configure(self, req: ConfigureRequest) -> None:
        """Read the stack's configuration; called once in the provider's process, before anything else.

        A program refuses a slip before it declares anything. Where no program runs, each resource fails here.

        Raises:
            DeploymentError: A value cannot work; the first of a deployment says which.
        """
        from influxdb3_engine_resources.configuration import configuration  # noqa: PLC0415
        from influxdb3_engine_resources.errors import InvalidInputs  # noqa: PLC0415
        from pulumi_influxdb3_engine._adapter import Adapter  # noqa: PLC0415 - not in the program's process
        from pulumi_influxdb3_engine._failures import once, show_messages_alone  # noqa: PLC0415

        show_messages_alone()
        try:
            stack = configuration(req.config.get)
        except InvalidInputs as error:
            raise once(str(error)) from None
        self._adapter = Adapter(self._logic(), self.inputs_of_stack, stack)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Validate, fill in defaults and derive; nothing is sent unless the stack or the resource asks for it."""
        return self._adapter.check(_olds, news)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """What a change of inputs leads to; nothing is sent."""
        return self._adapter.diff(_olds, _news)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make the resource exist."""
        return self._adapter.create(props)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The resource as it is now; an empty id where it is gone."""
        return self._adapter.read(id_, props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Turn the resource into its new definition, or leave the old one live."""
        return self._adapter.update(_olds, _news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Make the resource not exist."""
        self._adapter.delete(_props)
