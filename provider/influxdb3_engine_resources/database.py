"""The logic of databases, the smallest resource: a program can start on an empty server with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from influxdb3_engine_api import Conflict, EngineApiError, NotFound
from influxdb3_engine_resources.conflicts import RECREATE, exists_already
from influxdb3_engine_resources.errors import Failure, InvalidInputs, ResourceError
from influxdb3_engine_resources.inputs import Inputs
from influxdb3_engine_resources.names import DatabaseName
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.resource import Created, Difference, Live, ResourceLogic
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.server.retry import is_server_fault, is_transient, is_unsettled, with_retries

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

    @property
    def label(self) -> str:
        """The database in messages."""
        return f"database {self.db!r}{self.on_engine}"


class DatabaseLogic(ResourceLogic[DatabaseInputs]):
    """Databases (contract 8.2). Kept on destroy by default, since deleting a database deletes data."""

    inputs_type = DatabaseInputs

    def identity(self, inputs: DatabaseInputs) -> Hashable:
        """The name."""
        return ("database", inputs.db)

    def check(self, inputs: DatabaseInputs, program: Program) -> DatabaseInputs:
        """Declare the database; computes nothing."""
        if inputs.known("db"):
            program.databases.add(inputs.db)
        return inputs

    def check_online(self, inputs: DatabaseInputs, state: DatabaseInputs | None, engine: Engine) -> None:
        """Refuse a database that exists already and that a destroy would delete with its data."""
        deletes = inputs.known("db", "retain") and not inputs.retain and not engine.adopts(inputs)
        if state is None and deletes and inputs.db in engine.hosts[0].facts.databases():
            raise InvalidInputs([Failure(property="db", reason=_taken(inputs))])

    def diff(self, state: DatabaseInputs, inputs: DatabaseInputs) -> Difference:
        """Another name is another database: it is created before the old one and its triggers are deleted."""
        changed = state.changed(inputs, _ONLY_FOR_US)
        renamed = "db" in changed
        return Difference(
            bool(changed), ("db",) if renamed else (), delete_before_replace=not (inputs.retain or renamed)
        )

    def create(self, inputs: DatabaseInputs, engine: Engine) -> Created:
        """Create the database. An existing one is used, unless a destroy would delete it with its data."""
        if engine.adopts(inputs) and self._exists(inputs, engine):
            engine.claimed.add(inputs.db)
            return Created(inputs.db)
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
        """Whether this stack has created the database, by its state file."""
        state = engine.program.replacements.predecessor(self.identity(inputs))
        return isinstance(state, DatabaseInputs) and state.db == inputs.db

    def _refuse_existing(self, inputs: DatabaseInputs, engine: Engine) -> None:
        """Refuse a database that exists. Asked before its creation: after a lost answer, its origin is unknown."""
        if self._exists(inputs, engine):
            raise ResourceError(_taken(inputs))

    def _exists(self, inputs: DatabaseInputs, engine: Engine) -> bool:
        try:
            return inputs.db in with_retries(engine.client.databases, retry_on=is_server_fault)
        except EngineApiError as error:
            raise ResourceError(f"{inputs.label} was not created: {with_remedy(error)}") from error

    def _settle_creation(self, inputs: DatabaseInputs, error: EngineApiError, engine: Engine) -> None:
        """Find out whether a creation that failed happened; create again if it did not.

        Creating again without looking would conflict with our own database.
        """
        try:
            exists = inputs.db in with_retries(engine.client.databases, retry_on=is_server_fault)
            # without retain, _refuse_existing has seen that it was absent before
            if exists and (inputs.retain or is_server_fault(error)):
                return
            if not is_transient(error):
                raise error
            engine.client.create_database(inputs.db)
        except EngineApiError as failure:
            raise ResourceError(f"{inputs.label} was not created: {with_remedy(failure)}") from failure

    def read(self, state: DatabaseInputs, outputs: Properties, engine: Engine) -> Live[DatabaseInputs] | None:
        """Look whether it exists; the server has no other properties of it."""
        databases = with_retries(engine.client.databases, retry_on=is_server_fault)
        return Live(state, outputs) if state.db in databases else None

    def found(self, id_: str, engine: Engine) -> Live[DatabaseInputs]:
        """A database by its name."""
        live = self.read(DatabaseInputs.checked({"db": id_}), {}, engine)
        if live is None:
            raise ResourceError(f"there is no database {id_!r} on {engine.client.host_url}")
        return live

    def update(self, state: DatabaseInputs, inputs: DatabaseInputs, engine: Engine) -> Properties:
        """Change only the state: the server does not know ``retain``."""
        del state, inputs, engine
        return {}

    def delete(self, state: DatabaseInputs, engine: Engine) -> None:
        """Delete the database with its data, or keep it with a notice."""
        if state.db in engine.claimed:
            notice(f"{state.label} is kept with its data: another resource of this program has adopted it")
            return
        if state.retain:
            notice(f"{state.label} is kept with its data; retain=False deletes it on destroy")
            return
        try:
            with_retries(lambda: engine.client.delete_database(state.db), retry_on=is_unsettled)
        except NotFound:
            return
        except EngineApiError as error:
            raise ResourceError(f"{state.label} was not deleted: {with_remedy(error)}") from error


def _taken(inputs: DatabaseInputs) -> str:
    how = ", and with retain=False a destroy would delete data that this stack did not create"
    return exists_already(
        inputs.label,
        how,
        "leave retain out to use the database",
        f"{RECREATE}database",
    )
