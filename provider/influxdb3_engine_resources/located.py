"""Which server has a resource: a stack changes and deletes nothing on a server that it was not deployed to.

Every answer of a server states the server's identity (``cluster-uuid``, contract 1.1). The identity survives restarts.
A state file holds the identity and the URL. So a server that has moved differs from a URL that leads to another server.
A server that states no identity counts as the server of the last deployment.

A resource whose engine changes is replaced: it is created on the new engine, then deleted on the old one. Another name
for the same URL replaces nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, cast

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.resource import Created, Difference, InputsT, Live, ResourceLogic

if TYPE_CHECKING:
    from collections.abc import Hashable

    from influxdb3_engine_resources.inputs import Properties
    from influxdb3_engine_resources.program import Program
    from influxdb3_engine_resources.server.engine import Engine


class Located(Generic[InputsT]):
    """One kind of resource on the server that it was deployed to; has the methods of ``ResourceLogic``.

    Args:
        logic: What the resource does on a server.
    """

    def __init__(self, logic: ResourceLogic[InputsT]) -> None:
        self._logic = logic
        self.inputs_type = logic.inputs_type

    def check(self, inputs: InputsT, state: InputsT | None, program: Program) -> InputsT:
        """Fill in defaults, computed properties and the server; sends nothing."""
        inputs = self._logic.check(inputs, program)
        inputs = inputs.model_copy(update={"host_url": program.configuration.host_url})
        identity = self._logic.identity(inputs)
        program.replacements.declare(identity, inputs)
        if state is None:
            self._logic.check_new(inputs, program)
        elif not _moves(state, inputs):  # Pulumi checks a replacement again, without its state
            self._logic.check_old(inputs, state, program)
            program.replacements.succeed(self._logic.identity(state), state, identity, inputs)
        return inputs

    def check_online(self, inputs: InputsT, state: InputsT | None, engine: Engine) -> None:
        """Refuse what the server lacks. On another server, the resource counts as new."""
        if state is not None and state.host_url != inputs.host_url:
            state = None if _moves(state, inputs) or _is_elsewhere(state, engine) else state
        self._logic.check_online(inputs, state, engine)

    def diff(self, state: InputsT, inputs: InputsT) -> Difference:
        """What turning ``state`` into ``inputs`` leads to. Another URL is an update: the update asks the server."""
        difference = self._logic.diff(state, inputs)
        if _moves(state, inputs):
            return Difference(True, ("engine", *difference.replaces))
        if (state.engine, state.host_url) == (inputs.engine, inputs.host_url):
            return difference
        return Difference(True, difference.replaces, difference.delete_before_replace)

    def create(self, inputs: InputsT, engine: Engine) -> Created:
        """Create the resource on the server that the stack names."""
        created = self._logic.create(inputs, engine)
        engine.created.add(self._logic.identity(inputs))
        return Created(created.id, created.outputs | _cluster_uuid(engine))

    def read(self, state: InputsT, outputs: Properties, engine: Engine) -> Live[InputsT] | None:
        """The resource as it is now; None if it is gone, or if the URL leads to another server."""
        try:
            live = self._logic.read(state, outputs, engine)
        except (EngineApiError, ResourceError):
            if not _differs(state, engine.client.cluster_uuid):
                raise
            live = None
        # the answer to the request above states the identity
        if _differs(state, engine.client.cluster_uuid):
            engine.hosts[0].notice_once(
                f"another server answers here now (cluster-uuid {_uuid_text(engine.client.cluster_uuid)}, before "
                f"{state.cluster_uuid}). This stack's resources are reported as gone: 'pulumi up' creates them here"
            )
            return None
        if live is None:
            return None
        here = live.inputs.model_copy(update={"host_url": engine.configuration.host_url})
        return Live(here, live.outputs | _cluster_uuid(engine))

    def found(self, id_: str, engine: Engine) -> Live[InputsT]:
        """A resource that others manage, on the server that the stack names."""
        live = self._logic.found(id_, engine)
        engine.found.add(self._logic.identity(live.inputs))
        here = live.inputs.model_copy(update={"host_url": engine.configuration.host_url})
        return Live(here, live.outputs | _cluster_uuid(engine))

    def update(self, state: InputsT, outputs: Properties, inputs: InputsT, engine: Engine) -> Properties:
        """Turn ``state`` into ``inputs``, or create the resource if the URL leads to another server now.

        Args:
            state: The inputs of the last deployment.
            outputs: The outputs of the last deployment; kept if nothing changes.
            inputs: The inputs of the program.
            engine: The server.

        Raises:
            ResourceError: Another server answers at the URL of the last deployment, or the change failed.
        """
        if _is_elsewhere(state, engine):
            if state.host_url == inputs.host_url:
                raise ResourceError(
                    f"nothing was changed: another server answers at {inputs.host_url} now (cluster-uuid "
                    f"{_uuid_text(engine.cluster_uuid())}, before {state.cluster_uuid}). "
                    "To deploy to it: pulumi up --refresh"
                )
            engine.hosts[0].notice_once(
                f"the stack was deployed to another server{_at(state.host_url)}: its resources are created here, and "
                "those on the other server stay"
            )
            return self.create(inputs, engine).outputs
        if self._logic.diff(state, inputs).changes:
            outputs = self._logic.update(state, inputs, engine)
        return outputs | _cluster_uuid(engine)

    def delete(self, state: InputsT, engine: Engine) -> None:
        """Delete the resource, or make way for the resource that the program declares in its place."""
        if _is_elsewhere(state, engine):
            engine.hosts[0].notice_once(
                f"nothing is deleted here: the stack was deployed to another server ({state.host_url}, cluster-uuid "
                f"{state.cluster_uuid}), and its resources stay there"
            )
            return
        identity = self._logic.identity(state)
        if twin := engine.twin_with(identity):
            engine.hosts[0].notice_once(
                f"nothing is deleted here: {twin} is the same server, and has the resources now"
            )
            return
        successor = engine.program.replacements.successor(identity)
        # a destroy with --run-program reads as well, but declares nothing
        if successor is None and identity in engine.found and engine.program.is_running:
            engine.hosts[0].notice_once(
                f"{_named(identity)} stays: the program reads it by get, and manages it no longer"
            )
        elif successor is None:
            self._logic.delete(state, engine)
        else:
            self._logic.make_way(state, cast("InputsT", successor), engine)
            engine.replaced[self._logic.identity(cast("InputsT", successor))] = state


def _named(identity: Hashable) -> str:
    """A resource in messages, such as ``trigger db/t``."""
    kind, name = identity if isinstance(identity, tuple) else ("resource", identity)
    return f"{kind} {'/'.join(name) if isinstance(name, tuple) else name}"


def _moves(state: Any, inputs: Any) -> bool:
    """Whether the program puts a resource on another engine; another name for the same URL is the same engine."""
    return bool(state.engine != inputs.engine and state.host_url != inputs.host_url)


def _is_elsewhere(state: Any, engine: Engine) -> bool:
    return state.cluster_uuid is not None and _differs(state, engine.cluster_uuid())


def _differs(state: Any, cluster_uuid: str | None) -> bool:
    return None not in {state.cluster_uuid, cluster_uuid} and state.cluster_uuid != cluster_uuid


def _uuid_text(cluster_uuid: str | None) -> str:
    return shown(str(cluster_uuid), longest=100)


def _at(host_url: str | None) -> str:
    return f" at {host_url}" if host_url else ""


def _cluster_uuid(engine: Engine) -> Properties:
    cluster_uuid = engine.cluster_uuid()
    return {} if cluster_uuid is None else {"cluster_uuid": cluster_uuid}
