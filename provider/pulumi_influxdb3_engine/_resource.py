"""What all resources share: how they take arguments and show outputs."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_overloads

import pulumi
from pulumi.dynamic import Resource

from pulumi_influxdb3_engine._arguments import as_properties
from pulumi_influxdb3_engine._stack import names_engines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.dynamic import ResourceProvider


@dataclass(kw_only=True)
class ResourceArgs:
    """Base of ``TriggerArgs`` and its siblings: all arguments of a resource as one value."""

    engine: pulumi.Input[str] | None = None


Args = TypeVar("Args", bound=ResourceArgs)


class EngineResource(Resource):
    """Base of the resources. A subclass overloads ``__init__``; its last overload names every keyword argument."""

    __signature__: ClassVar[inspect.Signature]

    def __init_subclass__(cls, **options: str) -> None:
        """Make ``help()`` and completion at run time show the keyword arguments."""
        super().__init_subclass__(**options)
        signature = inspect.signature([cls.__init__, *get_overloads(cls.__init__)][-1])
        cls.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])

    def __init__(
        self,
        provider: ResourceProvider,
        resource_name: str,
        properties: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        """Declare the resource; the class describes the arguments."""
        kind = self._resource_type_name.rpartition(":")[2]
        super().__init__(provider, resource_name, as_properties(kind, resource_name, properties), opts)

    @property
    def engine(self) -> pulumi.Output[str | None]:
        """The name of the server in ``influxdb3:engines``; None for the stack's default server."""
        return self._output("engine")

    def _output(self, name: str, default: Any = None) -> pulumi.Output[Any]:
        """The output of a property; ``default`` if neither the program nor the provider sets a value."""
        # `pulumi.getter` would resolve the types of all properties for each resource
        if name not in self.__dict__:  # the SDK makes no output of a property that the program does not set
            return self.urn.apply(lambda _: default)
        output: pulumi.Output[Any] = self.__dict__[name]
        return output if default is None else output.apply(lambda value: default if value is None else value)

    def _retained(self) -> pulumi.Output[bool]:
        """Whether the resource stays on destroy; state files hold the opposite."""
        return self._output("delete_on_destroy", default=False).apply(lambda deletes: not deletes)


def arguments(kind: type[Args], resource_name: str, args: Args | None, by_keyword: Mapping[str, Any]) -> Args:
    """The arguments of a resource, which a program passes as one value or by keyword.

    Args:
        kind: The class of the value, such as ``TriggerArgs``.
        resource_name: The resource's name in the program.
        args: The value; None if the arguments are passed by keyword.
        by_keyword: The keyword arguments.

    Raises:
        TypeError: An argument is unknown or missing, ``args`` has another type, or both forms are used.
    """
    if args is None:
        return kind(**by_keyword)
    label = f"{kind.__name__.removesuffix('Args')} {resource_name!r}"
    if not isinstance(args, kind):
        raise TypeError(f"{label}: args is a {kind.__name__}, not a value of the type {type(args).__name__}")
    if by_keyword:
        raise TypeError(f"{label}: pass {', '.join(by_keyword)} inside args, or all arguments by keyword")
    return args


def deleting_first(opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """Options with ``delete_before_replace``: Pulumi deletes the old resource before it creates the replacement.

    ``--replace`` and ``state taint`` replace a resource without a call of the provider's ``diff``, so that only the
    options can set the order. Options that the program passes win.

    A stack with engines leaves the order to ``diff``, so that a resource that moves to another engine is created first.
    There, a program that recreates a trigger passes ``delete_before_replace`` itself.
    """
    if names_engines():
        return opts or pulumi.ResourceOptions()
    return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(delete_before_replace=True), opts)


def without_none(**inputs: Any) -> dict[str, Any]:
    """The inputs that are not None; the SDK makes an output of each input, which takes time."""
    return {name: value for name, value in inputs.items() if value is not None}
