"""What every kind of resource answers, in the words of Pulumi's provider protocol but without Pulumi."""

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
        changes: Whether anything has to be done.
        replaces: Properties that cannot change in place.
        delete_before_replace: Whether old and new cannot exist side by side.
    """

    changes: bool
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False


@dataclass(frozen=True, slots=True)
class Created:
    """A resource that exists now: its id in the state file, and its outputs besides the inputs."""

    id: str
    outputs: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Live(Generic[InputsT]):
    """A resource as it was found: the inputs that would describe it, and its outputs."""

    inputs: InputsT
    outputs: Properties = field(default_factory=dict)


class ResourceLogic(Generic[InputsT]):
    """One kind of resource.

    Attributes:
        inputs_type: Its inputs; the state holds them and the outputs.
    """

    inputs_type: type[InputsT]

    def identity(self, inputs: InputsT) -> Hashable:
        """What tells it from all others of its server: two resources with one identity are the same there."""
        raise NotImplementedError

    def check(self, inputs: InputsT, program: Program) -> InputsT:
        """Fill in defaults and what can be computed before anything is sent, and declare it; sends nothing.

        Raises:
            InvalidInputs: What cannot work, by property.
        """
        raise NotImplementedError

    def check_new(self, inputs: InputsT, program: Program) -> None:
        """Whether a resource that is still to be created is not declared twice; sends nothing.

        Called after ``check`` once for each such resource, and for one that is to be replaced.

        Raises:
            InvalidInputs: Another resource of the program is the same.
        """

    def check_old(self, inputs: InputsT, state: InputsT, program: Program) -> None:
        """Note what a resource of an earlier deployment gives up, so that others can have it; sends nothing.

        Called after ``check`` once for each such resource.
        """

    def check_online(self, inputs: InputsT, state: InputsT | None, engine: Engine) -> None:
        """Whether the server has what the resource needs: on request only, since previews otherwise send nothing.

        Args:
            inputs: Checked inputs.
            state: The inputs of the last deployment; ``None`` where the resource is still to be created.
            engine: The engine.

        Raises:
            InvalidInputs: What cannot work, by property.
            EngineApiError: The server could not be asked.
        """

    def diff(self, state: InputsT, inputs: InputsT) -> Difference:
        """What turning ``state`` into ``inputs`` leads to; sends nothing."""
        raise NotImplementedError

    def create(self, inputs: InputsT, engine: Engine) -> Created:
        """Make it exist, or leave nothing behind and raise."""
        raise NotImplementedError

    def read(self, state: InputsT, outputs: Properties, engine: Engine) -> Live[InputsT] | None:
        """It as it is now, ``None`` where it is gone; raises where that cannot be told."""
        raise NotImplementedError

    def update(self, state: InputsT, inputs: InputsT, engine: Engine) -> Properties:
        """Turn ``state`` into ``inputs`` and return the outputs, or leave ``state`` live and raise."""
        raise NotImplementedError

    def delete(self, state: InputsT, engine: Engine) -> None:
        """Make it not exist; it being gone already is success."""
        raise NotImplementedError

    def make_way(self, state: InputsT, successor: InputsT, engine: Engine) -> None:
        """Make room for what the program declares in its place; ``create`` is called with ``successor`` next.

        Raises where the successor cannot be created: ``state`` is live then.
        """
        del successor
        self.delete(state, engine)
