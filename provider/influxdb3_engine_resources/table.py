"""The logic of tables: a trigger on a table needs one that exists (contract 4.6)."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from influxdb3_engine_api import Conflict, EngineApiError, NotFound
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_api.wire import FieldType
from influxdb3_engine_resources.errors import Failure, InvalidInputs, ResourceError
from influxdb3_engine_resources.inputs import Inputs, is_known, is_stored
from influxdb3_engine_resources.names import ColumnName, DatabaseName, TableName
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.resource import Created, Difference, Live, ResourceLogic
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.server.retry import is_server_fault, is_transient, is_unsettled, with_retries

if TYPE_CHECKING:
    from collections.abc import Hashable

    from influxdb3_engine_resources.inputs import Properties
    from influxdb3_engine_resources.program import Program
    from influxdb3_engine_resources.server.engine import Engine

_IDENTITY = ("db", "table_name")
_COLUMNS = ("tags", "fields")
_TAG = "tag"
_FIELD_TYPES = {
    "Utf8": "utf8",
    "LargeUtf8": "utf8",
    "Utf8View": "utf8",
    "Int64": "int64",
    "UInt64": "uint64",
    "Float64": "float64",
    "Boolean": "bool",
}
"""Type in ``information_schema.columns`` to the type that the API takes."""


def _tags(names: list[str], info: ValidationInfo) -> list[str]:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice and not is_stored(info):
        raise ValueError(f"{shown(twice[0])} is listed twice")
    return names


class TableInputs(Inputs):
    """A table as a program declares it."""

    db: DatabaseName
    table_name: TableName
    tags: Annotated[list[ColumnName], AfterValidator(_tags)] = Field(default_factory=list)
    fields: Mapping[ColumnName, FieldType] = Field(default_factory=dict)
    retain: bool = True

    @model_validator(mode="after")
    def _tags_differ_from_fields(self, info: ValidationInfo) -> Self:
        both = self.fields.keys() & set(self.tags) if self.known(*_COLUMNS) and not is_stored(info) else set()
        if both:
            raise InvalidInputs([Failure(property="fields", reason=f"{shown(min(both))} is a tag, too: remove one")])
        return self

    def changed(self, other: Self, ignore: frozenset[str] = frozenset()) -> set[str]:
        """As for all inputs; the order of the tags does not count."""
        found = super().changed(other, ignore)
        if self.known("tags") and other.known("tags") and set(self.tags) == set(other.tags):
            found.discard("tags")
        return found

    @property
    def owner(self) -> tuple[str, str]:
        """What identifies it on a server."""
        return (self.db, self.table_name)

    @property
    def label(self) -> str:
        """The table in messages."""
        return f"table {self.table_name!r} in database {self.db!r}"


class TableLogic(ResourceLogic[TableInputs]):
    """Tables (contract 8.2). Kept on destroy by default, since deleting a table deletes data.

    The API cannot change the columns of a table: only writes add some. So an update sends only a query, which verifies
    that the table has the declared columns.
    """

    inputs_type = TableInputs

    def identity(self, inputs: TableInputs) -> Hashable:
        """The database and the name."""
        return ("table", inputs.owner)

    def check(self, inputs: TableInputs, program: Program) -> TableInputs:
        """Declare the table; refuse another definition of the same table."""
        if not inputs.known(*_IDENTITY):
            return inputs
        program.tables.add(inputs.owner)
        properties = inputs.properties()
        if is_known(properties) and program.table_definitions.declare(inputs.owner, properties):
            reason = f"another Table of this program is the {inputs.label} with another definition: change table_name"
            raise InvalidInputs([Failure(property="table_name", reason=reason)])
        return inputs

    def check_new(self, inputs: TableInputs, program: Program) -> None:
        """Refuse a second table of one name."""
        if inputs.known(*_IDENTITY) and program.new_tables.declare(inputs.owner, object()):
            reason = f"another Table of this program is the {inputs.label}, too: change table_name"
            raise InvalidInputs([Failure(property="table_name", reason=reason)])

    def check_online(self, inputs: TableInputs, state: TableInputs | None, engine: Engine) -> None:
        """Refuse a missing database, other columns, and a table whose data a destroy would delete."""
        if not engine.configuration.online_checks or not inputs.known("db"):
            return
        if inputs.db not in engine.hosts[0].facts.databases():
            if inputs.db not in engine.program.databases:
                raise InvalidInputs([Failure(property="db", reason=_no_database(inputs))])
            return
        columns = _columns(inputs, engine) if inputs.known(*_IDENTITY, "retain") else None
        if columns is None:
            return
        if state is None and not (inputs.retain or engine.adopts(inputs)):
            raise InvalidInputs([Failure(property="table_name", reason=_taken(inputs))])
        if inputs.known(*_COLUMNS) and (problem := _difference(inputs, columns)):
            raise InvalidInputs([Failure(property="fields", reason=problem)])

    def diff(self, state: TableInputs, inputs: TableInputs) -> Difference:
        """Another name is another table: it is created before the old one is deleted. Other columns are an update."""
        changed = state.changed(inputs)
        replaces = tuple(name for name in _IDENTITY if name in changed)
        return Difference(bool(changed), replaces, delete_before_replace=not (inputs.retain or replaces))

    def create(self, inputs: TableInputs, engine: Engine) -> Created:
        """Create the table, or use an existing one. Never uses one that a destroy would delete with its data."""
        identity, created = self.identity(inputs), Created(f"{inputs.db}/{inputs.table_name}")
        if identity in engine.claimed:
            return created  # make_way has created it
        may_exist = inputs.retain or engine.adopts(inputs) or self._is_ours(inputs, engine)
        try:
            # the server would create a database, perhaps of a misspelt name
            if not _has_database(inputs, engine):
                raise ResourceError(f"{inputs.label} was not created: {_no_database(inputs)}")
            # asked before the creation: after a lost answer, its origin is unknown
            if not may_exist and _columns(inputs, engine) is not None:
                raise ResourceError(_taken(inputs))
            self._create(inputs, engine, may_exist=may_exist)
        except EngineApiError as error:
            raise ResourceError(f"{inputs.label} was not created: {with_remedy(error)}") from error
        engine.claimed.add(identity)
        engine.hosts[0].facts.note_table(*inputs.owner, exists=True)
        return created

    def _create(self, inputs: TableInputs, engine: Engine, *, may_exist: bool) -> None:
        for is_last in (False, True):
            try:
                engine.client.create_table(*inputs.owner, inputs.tags, inputs.fields)
            except Conflict as error:
                if not (may_exist or is_last):  # the first request may come late
                    raise ResourceError(_taken(inputs)) from error
            except EngineApiError as error:
                if not is_server_fault(error):
                    raise
                if _columns(inputs, engine) is None:
                    if is_last or not is_transient(error):
                        raise
                    continue
            else:
                return
            _refuse_other_columns(inputs, _columns(inputs, engine) or {})
            return

    def _is_ours(self, inputs: TableInputs, engine: Engine) -> bool:
        """Whether this stack has created the table, by its state file."""
        state = engine.program.replacements.predecessor(self.identity(inputs))
        return isinstance(state, TableInputs) and state.owner == inputs.owner

    def read(self, state: TableInputs, outputs: Properties, engine: Engine) -> Live[TableInputs] | None:
        """The declared columns as the server has them; ignores other columns, which writes add."""
        columns = _columns(state, engine)
        if columns is None:
            return None
        declared = [name for name in (*state.tags, *state.fields) if name in columns]
        tags = [name for name in declared if columns[name] == _TAG]
        fields = {name: columns[name] for name in declared if columns[name] != _TAG}
        return Live(state.model_copy(update={"tags": tags, "fields": fields}), outputs)

    def found(self, id_: str, engine: Engine) -> Live[TableInputs]:
        """A table by ``DATABASE/NAME``, with all columns that it has now."""
        db, slash, name = id_.partition("/")  # no name of a database has a slash
        if not slash:
            raise InvalidInputs([Failure(property="id", reason="write DATABASE/TABLE_NAME")])
        asked = TableInputs.checked({"db": db, "table_name": name})
        columns = _columns(asked, engine)
        if columns is None:
            raise ResourceError(f"there is no {asked.label} on {engine.client.host_url}")
        tags = [column for column, kind in columns.items() if kind == _TAG]
        fields = {column: kind for column, kind in columns.items() if kind != _TAG and column != "time"}
        return Live(asked.model_copy(update={"tags": tags, "fields": fields}))

    def update(self, state: TableInputs, inputs: TableInputs, engine: Engine) -> Properties:
        """Verify that the table has the declared columns; create the table if it is gone."""
        if state.changed(inputs, frozenset({"retain"})):
            try:
                columns = _columns(inputs, engine)
                if columns is None:
                    self.create(inputs, engine)
                else:
                    _refuse_other_columns(inputs, columns)
            except EngineApiError as error:
                raise ResourceError(f"{inputs.label} was not compared: {with_remedy(error)}") from error
        return {}

    def delete(self, state: TableInputs, engine: Engine) -> None:
        """Delete the table with its data, or keep it with a notice."""
        if self.identity(state) in engine.claimed:
            notice(f"{state.label} is kept with its data: another resource of this program uses it")
            return
        if state.retain:
            notice(f"{state.label} is kept with its data; retain=False deletes it on destroy")
            return
        try:
            with_retries(lambda: engine.client.delete_table(*state.owner), retry_on=is_unsettled)
        except NotFound:
            return
        except EngineApiError as error:
            raise ResourceError(f"{state.label} was not deleted: {with_remedy(error)}") from error
        engine.hosts[0].facts.note_table(*state.owner, exists=False)
        notice(f"{state.label} was deleted with its data")

    def make_way(self, state: TableInputs, successor: TableInputs, engine: Engine) -> None:
        """Create the successor first if it has another name: a failure leaves the data."""
        if state.owner != successor.owner:
            self.create(successor, engine)
        self.delete(state, engine)


def _columns(inputs: TableInputs, engine: Engine) -> dict[str, str] | None:
    """Column to ``tag``, to the API's type of a field, or to a type that no field has; None if there is no table."""
    try:
        rows = with_retries(lambda: engine.client.columns(*inputs.owner), retry_on=is_server_fault)
    except NotFound:
        return None
    kinds = {row.column_name: row.data_type for row in rows}
    return {
        name: _TAG if type_.startswith("Dictionary(") else _FIELD_TYPES.get(type_, shown(type_, longest=100))
        for name, type_ in kinds.items()
    } or None


def _refuse_other_columns(inputs: TableInputs, columns: Mapping[str, str]) -> None:
    if problem := _difference(inputs, columns):
        raise ResourceError(problem)


def _difference(inputs: TableInputs, columns: Mapping[str, str]) -> str | None:
    """What differs, and what to do; None if the table has all declared columns."""
    declared = dict.fromkeys(inputs.tags, _TAG) | dict(inputs.fields)
    differing = {name: (kind, columns.get(name)) for name, kind in declared.items() if columns.get(name) != kind}
    if not differing:
        return None
    lines = [
        f"{shown(name, longest=100)}: declared {kind}, server {there or 'has no such column'}"
        for name, (kind, there) in differing.items()
    ]
    remedy = "declare the columns that the server has"
    if any(there is None for _, there in differing.values()):
        remedy += ", or write a row that has the missing ones: only writes add columns"
    delete = shlex.join(["influxdb3", "delete", "table", "--database", inputs.db, inputs.table_name])
    return "\n    ".join(
        [
            f"{inputs.label} exists with other columns:",
            *lines,
            f"No column changes its kind: {remedy}. To start again without the data: {delete}",
        ]
    )


def _has_database(inputs: TableInputs, engine: Engine) -> bool:
    databases = engine.client.databases
    return (
        inputs.db in engine.claimed
        or inputs.db in engine.hosts[0].facts.databases()
        or inputs.db in with_retries(databases, retry_on=is_server_fault)  # created meanwhile
    )


def _no_database(inputs: TableInputs) -> str:
    return f"there is no database {inputs.db!r}: declare a Database, and pass its output db"


def _taken(inputs: TableInputs) -> str:
    return (
        f"{inputs.label} exists already, and with retain=False a destroy would delete data that this stack did not "
        "create: leave retain out to use the table, or take it over: pulumi config set influxdb3:adopt true"
    )
