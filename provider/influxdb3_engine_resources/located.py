"""Where a resource lives: a stack changes and deletes nothing on a server that it was not deployed to.

Every answer of a server states its identity (``cluster-uuid``, contract 1.1), which it keeps over restarts. A state
file holds it beside the URL. That tells a server that has moved from a URL that leads to another server. A server that
states no identity is taken for the one of the last deployment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, cast

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.resource import Created, Difference, InputsT, Live, ResourceLogic

if TYPE_CHECKING:
    from influxdb3_engine_resources.inputs import Properties
    from influxdb3_engine_resources.program import Program
    from influxdb3_engine_resources.server.engine import Engine


class Located(Generic[InputsT]):
    """One kind of resource on the server that it was deployed to; the methods are those of ``ResourceLogic``.

    Args:
        logic: What the resource does on that server.
    """

    def __init__(self, logic: ResourceLogic[InputsT]) -> None:
        self._logic = logic
        self.inputs_type = logic.inputs_type

    def check(self, inputs: InputsT, state: InputsT | None, program: Program) -> InputsT:
        """Fill in defaults, what can be computed, and the server; sends nothing."""
        inputs = self._logic.check(inputs, program)
        inputs = inputs.model_copy(update={"host_url": program.configuration.host_url})
        identity = self._logic.identity(inputs)
        program.replacements.declare(identity, inputs)
        if state is None:
            self._logic.check_new(inputs, program)
        else:
            self._logic.check_old(inputs, state, program)
            program.replacements.succeed(self._logic.identity(state), state, identity, inputs)
        return inputs

    def check_online(self, inputs: InputsT, state: InputsT | None, engine: Engine) -> None:
        """Whether the server has what the resource needs; on another server it is still to be created."""
        if state is not None and state.host_url != inputs.host_url and _is_elsewhere(state, engine):
            state = None
        self._logic.check_online(inputs, state, engine)

    def diff(self, state: InputsT, inputs: InputsT) -> Difference:
        """What turning ``state`` into ``inputs`` leads to; another URL is an update, which looks at the server."""
        difference = self._logic.diff(state, inputs)
        if state.host_url == inputs.host_url:
            return difference
        return Difference(True, difference.replaces, difference.delete_before_replace)

    def create(self, inputs: InputsT, engine: Engine) -> Created:
        """Make it exist on the server that the stack names."""
        created = self._logic.create(inputs, engine)
        return Created(created.id, created.outputs | _identity(engine))

    def read(self, state: InputsT, outputs: Properties, engine: Engine) -> Live[InputsT] | None:
        """It as it is now; None if it is gone, or if the URL leads to another server."""
        try:
            live = self._logic.read(state, outputs, engine)
        except (EngineApiError, ResourceError):
            if not _differs(state, engine.client.cluster_uuid):
                raise
            live = None
        # after the request of the resource itself, whose answer states the identity
        if _differs(state, engine.client.cluster_uuid):
            engine.hosts[0].tell_once(
                f"another server answers here now (cluster-uuid {_shown(engine.client.cluster_uuid)}, before "
                f"{state.cluster_uuid}): what this stack deployed is reported as gone, and 'pulumi up' creates it here"
            )
            return None
        if live is None:
            return None
        here = live.inputs.model_copy(update={"host_url": engine.configuration.host_url})
        return Live(here, live.outputs | _identity(engine))

    def update(self, state: InputsT, outputs: Properties, inputs: InputsT, engine: Engine) -> Properties:
        """Turn ``state`` into ``inputs`` where it lives, or create it on the server that the URL leads to now.

        Args:
            state: The inputs of the last deployment.
            outputs: Its outputs; what stays as it is keeps them.
            inputs: The inputs that are wanted.
            engine: The engine.
        """
        if _is_elsewhere(state, engine):
            if state.host_url == inputs.host_url:
                raise ResourceError(
                    f"nothing was changed: another server answers at {inputs.host_url} now (cluster-uuid "
                    f"{_shown(engine.cluster_uuid())}, before {state.cluster_uuid}). "
                    "To deploy to it: pulumi up --refresh"
                )
            engine.hosts[0].tell_once(
                f"this is another server than {state.host_url or 'the one'}, which the stack was deployed to: the "
                "stack is created here, and what it deployed there stays there"
            )
            return self.create(inputs, engine).outputs
        if self._logic.diff(state, inputs).changes:
            outputs = self._logic.update(state, inputs, engine)
        return outputs | _identity(engine)

    def delete(self, state: InputsT, engine: Engine) -> None:
        """Make it not exist, where it lives, or make way for what the program declares in its place."""
        if _is_elsewhere(state, engine):
            engine.hosts[0].tell_once(
                f"nothing is deleted here: the stack was deployed to another server ({state.host_url}, cluster-uuid "
                f"{state.cluster_uuid}), where it stays"
            )
            return
        identity = self._logic.identity(state)
        successor = engine.program.replacements.successor(identity)
        if successor is None:
            self._logic.delete(state, engine)
        else:
            self._logic.make_way(state, cast("InputsT", successor), engine)
            engine.replaced[self._logic.identity(cast("InputsT", successor))] = state


def _is_elsewhere(state: Any, engine: Engine) -> bool:
    return state.cluster_uuid is not None and _differs(state, engine.cluster_uuid())


def _differs(state: Any, cluster_uuid: str | None) -> bool:
    return None not in {state.cluster_uuid, cluster_uuid} and state.cluster_uuid != cluster_uuid


def _shown(cluster_uuid: str | None) -> str:
    return shown(str(cluster_uuid), longest=100)


def _identity(engine: Engine) -> Properties:
    cluster_uuid = engine.cluster_uuid()
    return {} if cluster_uuid is None else {"cluster_uuid": cluster_uuid}
