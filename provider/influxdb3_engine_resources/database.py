"""The logic of databases: the smallest thing that lets a program start on an empty server."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from influxdb3_engine_api import Conflict, EngineApiError, NotFound
from influxdb3_engine_resources.conflicts import exists_already
from influxdb3_engine_resources.errors import Failure, InvalidInputs, ResourceError
from influxdb3_engine_resources.inputs import Inputs
from influxdb3_engine_resources.names import DatabaseName
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.resource import Created, Difference, Live, ResourceLogic
from influxdb3_engine_resources.server.remedies import explained
from influxdb3_engine_resources.server.retry import is_lost, is_servers, is_transient, repeated

if TYPE_CHECKING:
    from collections.abc import Hashable

    from influxdb3_engine_resources.inputs import Properties
    from influxdb3_engine_resources.program import Program
    from influxdb3_engine_resources.server.engine import Engine


_ONLY_FOR_US = frozenset({"adopt"})


class DatabaseInputs(Inputs):
    """A database as a program declares it."""

    flags: ClassVar[frozenset[str]] = frozenset({"adopt"})

    db: DatabaseName
    retain: bool = True
    adopt: bool = False


class DatabaseLogic(ResourceLogic[DatabaseInputs]):
    """Databases (contract 8.2). Deleting one deletes data, so it is kept unless the program says otherwise."""

    inputs_type = DatabaseInputs

    def identity(self, inputs: DatabaseInputs) -> Hashable:
        """Its name."""
        return ("database", inputs.db)

    def check(self, inputs: DatabaseInputs, program: Program) -> DatabaseInputs:
        """Nothing is derived."""
        if inputs.known("db"):
            program.databases.add(inputs.db)
        return inputs

    def check_online(self, inputs: DatabaseInputs, state: DatabaseInputs | None, engine: Engine) -> None:
        """Refuse one that exists and that this program would delete with its data."""
        deletes = inputs.known("db", "retain") and not inputs.retain and not engine.adopts(inputs)
        if state is None and deletes and inputs.db in engine.hosts[0].facts.databases():
            raise InvalidInputs([Failure(property="db", reason=_taken(inputs))])

    def diff(self, state: DatabaseInputs, inputs: DatabaseInputs) -> Difference:
        """Another name is another database, created before the old one goes with its triggers."""
        changed = state.changed(inputs, _ONLY_FOR_US)
        renamed = "db" in changed
        return Difference(
            bool(changed), ("db",) if renamed else (), delete_before_replace=not (inputs.retain or renamed)
        )

    def create(self, inputs: DatabaseInputs, engine: Engine) -> Created:
        """Create it. One that exists is used as it is, unless this program would delete it with its data."""
        may_exist = inputs.retain or engine.adopts(inputs) or self._is_ours(inputs, engine)
        if not may_exist:
            self._refuse_existing(inputs, engine)
        try:
            engine.client.create_database(inputs.db)
        except Conflict as error:
            if not may_exist:
                raise ResourceError(_taken(inputs)) from error
        except EngineApiError as error:
            self._settle_creation(inputs, error, engine)
        engine.claimed.add(inputs.db)
        return Created(inputs.db)

    def _is_ours(self, inputs: DatabaseInputs, engine: Engine) -> bool:
        """Whether this stack has created the database, as its state file tells."""
        state = engine.program.replacements.predecessor(self.identity(inputs))
        return isinstance(state, DatabaseInputs) and state.db == inputs.db

    def _refuse_existing(self, inputs: DatabaseInputs, engine: Engine) -> None:
        """Look before: when it is there after an answer that was lost, nobody can tell any more whose it is."""
        try:
            exists = inputs.db in repeated(engine.client.databases, worth=is_servers)
        except EngineApiError as error:
            raise ResourceError(f"database {inputs.db!r} was not created: {explained(error)}") from error
        if exists:
            raise ResourceError(_taken(inputs))

    def _settle_creation(self, inputs: DatabaseInputs, error: EngineApiError, engine: Engine) -> None:
        """Look before creating again: a conflict of our own making would be taken for somebody else's database."""
        try:
            exists = inputs.db in repeated(engine.client.databases, worth=is_servers)
            # it was not there before, where it must be ours
            if exists and (inputs.retain or is_servers(error)):
                return
            if not is_transient(error):
                raise error
            engine.client.create_database(inputs.db)
        except EngineApiError as failure:
            raise ResourceError(f"database {inputs.db!r} was not created: {explained(failure)}") from failure

    def read(self, state: DatabaseInputs, outputs: Properties, engine: Engine) -> Live[DatabaseInputs] | None:
        """Whether it exists; the server tells no more."""
        return Live(state, outputs) if state.db in repeated(engine.client.databases, worth=is_servers) else None

    def update(self, state: DatabaseInputs, inputs: DatabaseInputs, engine: Engine) -> Properties:
        """``retain`` lives in the state only."""
        del state, inputs, engine
        return {}

    def delete(self, state: DatabaseInputs, engine: Engine) -> None:
        """Delete it with its data, or keep it and say so."""
        if state.db in engine.claimed:
            notice(f"database {state.db!r} is kept with its data: another resource of this program has taken it over")
            return
        if state.retain:
            notice(f"database {state.db!r} is kept with its data; retain=False deletes it on destroy")
            return
        try:
            repeated(lambda: engine.client.delete_database(state.db), worth=is_lost)
        except NotFound:
            return
        except EngineApiError as error:
            raise ResourceError(f"database {state.db!r} was not deleted: {explained(error)}") from error


def _taken(inputs: DatabaseInputs) -> str:
    how = ", and with retain=False destroying this stack would delete data that it did not create"
    return exists_already(
        f"database {inputs.db!r}",
        how,
        "leave retain out to use the database as it is",
        "set opts=pulumi.ResourceOptions(delete_before_replace=True) if you are recreating this stack's own",
    )
