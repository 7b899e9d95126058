"""What every kind of resource does, in the terms of Pulumi's provider protocol but without Pulumi."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from influxdb3_engine_resources.inputs import Inputs, Properties

if TYPE_CHECKING:
    from collections.abc import Hashable

    from influxdb3_engine_resources.program import Program
    from influxdb3_engine_resources.server.engine import Engine

InputsT = TypeVar("InputsT", bound=Inputs)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a change of inputs leads to.

    Attributes:
        changes: Whether anything differs.
        replaces: Properties whose change replaces the resource.
        delete_before_replace: Whether the old resource is deleted before the new one is created.
    """

    changes: bool
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False


@dataclass(frozen=True, slots=True)
class Created:
    """A resource that was created: its id in the state file, and the outputs that are not inputs."""

    id: str
    outputs: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Live(Generic[InputsT]):
    """A resource as it is on the server: the inputs that describe it, and its outputs."""

    inputs: InputsT
    outputs: Properties = field(default_factory=dict)


class ResourceLogic(Generic[InputsT]):
    """One kind of resource.

    Attributes:
        inputs_type: The class of its inputs. A state holds inputs and outputs.
    """

    inputs_type: type[InputsT]

    def identity(self, inputs: InputsT) -> Hashable:
        """What identifies the resource on its server: two resources with the same identity are the same."""
        raise NotImplementedError

    def check(self, inputs: InputsT, program: Program) -> InputsT:
        """Fill in defaults and computed properties, and declare the resource in the program; sends nothing.

        Raises:
            InvalidInputs: A property is invalid.
        """
        raise NotImplementedError

    def check_new(self, inputs: InputsT, program: Program) -> None:
        """Refuse a resource that the program declares twice; sends nothing.

        Called after ``check``, once for each resource that will be created or replaced.

        Raises:
            InvalidInputs: Another resource of the program is the same.
        """

    def check_old(self, inputs: InputsT, state: InputsT, program: Program) -> None:
        """Note what a resource of an earlier deployment gives up, so that others can take it; sends nothing.

        Called after ``check``, once for each resource of an earlier deployment.
        """

    def check_online(self, inputs: InputsT, state: InputsT | None, engine: Engine) -> None:
        """Refuse what the server lacks. Called only if the stack asks for it: other previews send nothing.

        Args:
            inputs: Checked inputs.
            state: The inputs of the last deployment; None if the resource does not exist yet.
            engine: The server.

        Raises:
            InvalidInputs: The server lacks, or refuses, what a property needs.
            EngineApiError: The server could not be asked.
        """

    def diff(self, state: InputsT, inputs: InputsT) -> Difference:
        """What turning ``state`` into ``inputs`` leads to; sends nothing."""
        raise NotImplementedError

    def create(self, inputs: InputsT, engine: Engine) -> Created:
        """Create the resource, or leave nothing behind and raise."""
        raise NotImplementedError

    def read(self, state: InputsT, outputs: Properties, engine: Engine) -> Live[InputsT] | None:
        """The resource as it is now; None if it is gone; raises if the server cannot be asked."""
        raise NotImplementedError

    def found(self, id_: str, engine: Engine) -> Live[InputsT]:
        """A resource that others manage, by its id: what ``Created`` holds.

        Raises:
            InvalidInputs: The id is invalid.
            ResourceError: The server has no such resource.
            EngineApiError: The server could not be asked.
        """
        raise NotImplementedError

    def update(self, state: InputsT, inputs: InputsT, engine: Engine) -> Properties:
        """Make the change and return the outputs, or leave ``state`` live and raise."""
        raise NotImplementedError

    def delete(self, state: InputsT, engine: Engine) -> None:
        """Delete the resource; a resource that is gone already is a success."""
        raise NotImplementedError

    def make_way(self, state: InputsT, successor: InputsT, engine: Engine) -> None:
        """Make way for the resource that the program declares in its place; ``create(successor)`` is called next.

        Raises if the successor cannot be created; ``state`` is live then.
        """
        del successor
        self.delete(state, engine)
