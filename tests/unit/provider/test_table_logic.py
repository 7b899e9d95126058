"""Tables: created once, used as they are, kept with their data unless the program says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import InvalidInputs, ResourceError
from influxdb3_engine_resources.inputs import UNKNOWN
from influxdb3_engine_resources.located import Located
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.resource import Difference
from influxdb3_engine_resources.server.engine import Engine
from influxdb3_engine_resources.table import TableInputs, TableLogic

if TYPE_CHECKING:
    from fake_server import FakeServer

TABLE = TableLogic()
CPU = {"host": "Dictionary(Int32, Utf8)", "usage": "Float64"}
LOST = httpx.ReadError("")


def table(**properties: Any) -> TableInputs:
    given = {"db": "db", "table_name": "cpu", "tags": ["host"], "fields": {"usage": "float64"}}
    return TableInputs.checked(given | properties)


@pytest.fixture
def existing(server: FakeServer) -> FakeServer:
    """A server that has the table with one more column and a field of each type."""
    server.tables.add("cpu")
    types = {"text": "Utf8", "count": "Int64", "bytes": "UInt64", "on": "Boolean"}
    server.columns["cpu"] = CPU | types
    return server


def test_a_table_is_created_by_one_request_beside_the_list_of_databases(server: FakeServer) -> None:
    engine = server.engine()

    assert TABLE.create(table(), engine).id == "db/cpu"
    TABLE.create(table(table_name="disk", tags=[], fields={}), engine)

    assert server.requests == ["list-databases", "make-table cpu", "make-table disk"]
    assert server.bodies[1] == {
        "db": "db", "table": "cpu", "tags": ["host"], "fields": [{"name": "usage", "type": "float64"}]
    }  # fmt: skip


def test_a_table_in_a_missing_database_is_an_error_and_creates_no_database(server: FakeServer) -> None:
    with pytest.raises(ResourceError, match="there is no database 'dbb': declare a Database"):
        TABLE.create(table(db="dbb"), server.engine())

    assert server.databases == {"_internal", "db"}


def test_a_database_that_comes_after_the_list_was_read_is_found(server: FakeServer) -> None:
    engine = server.engine()
    engine.hosts[0].facts.databases()
    server.databases.add("new")

    TABLE.create(table(db="new"), engine)


def test_an_existing_table_with_the_declared_columns_is_used(existing: FakeServer) -> None:
    fields = {"usage": "float64", "text": "utf8", "count": "int64", "bytes": "uint64", "on": "bool"}

    TABLE.create(table(fields=fields), existing.engine())

    assert existing.requests[-2:] == ["make-table cpu", "query columns"]


def test_an_existing_table_with_other_columns_is_an_error_that_lists_the_differences(existing: FakeServer) -> None:
    wanted = table(tags=["host", "text", "region"], fields={"usage": "int64", "on": "bool"})

    with pytest.raises(ResourceError) as failed:
        TABLE.create(wanted, existing.engine())

    assert str(failed.value).splitlines() == [
        "table 'cpu' in database 'db' exists with other columns:",
        "    text: declared tag, server utf8",
        "    region: declared tag, server has no such column",
        "    usage: declared int64, server float64",
        "    No column changes its kind: declare the columns that the server has, or write a row that has the missing "
        "ones: only writes add columns. To start again without the data: influxdb3 delete table --database db cpu",
    ]


def test_with_retain_false_an_existing_table_is_an_error_and_is_never_ours(existing: FakeServer) -> None:
    existing.failures["make-table cpu"] = [LOST]

    with pytest.raises(ResourceError, match="would delete data that this stack did not create"):
        TABLE.create(table(retain=False), existing.engine())
    assert "make-table cpu" not in existing.requests

    existing.failures.clear()
    TABLE.create(table(retain=False), existing.engine(adopt=True))


@pytest.mark.parametrize("retain", [True, False])
@pytest.mark.parametrize("was_carried_out", [True, False])
def test_a_creation_without_an_answer_is_looked_up(server: FakeServer, was_carried_out: bool, retain: bool) -> None:
    lost: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        is_first_creation = request.url.path.endswith("/table") and not lost
        if not is_first_creation:
            return server.answer(request)
        if was_carried_out:
            server.answer(request)
        lost.append("the answer")
        raise LOST

    engine = Engine(Configuration(), httpx.MockTransport(answer))

    TABLE.create(table(retain=retain), engine)

    assert server.tables == {"cpu"}


def test_a_refused_creation_says_why(server: FakeServer) -> None:
    server.failures["make-table cpu"] = [httpx.Response(422, json={"error": "exceed number of tables limit"})]

    with pytest.raises(ResourceError, match=r"table 'cpu' in database 'db' was not created: .*tables limit"):
        TABLE.create(table(), server.engine())


def test_a_table_is_read_with_its_declared_columns_only(existing: FakeServer) -> None:
    live = TABLE.read(table(), {}, existing.engine())

    assert live is not None
    assert live.inputs == table()


def test_drift_of_declared_columns_shows(existing: FakeServer) -> None:
    existing.columns["cpu"] = {"host": "Int64", "other": "Utf8"}

    live = TABLE.read(table(), {}, existing.engine())

    assert live is not None
    assert (live.inputs.tags, live.inputs.fields) == ([], {"host": "int64"})
    assert TABLE.diff(live.inputs, table()) == Difference(changes=True)


@pytest.mark.parametrize("state", [table(), table(db="gone")])
def test_a_table_that_is_gone_is_read_as_gone(server: FakeServer, state: TableInputs) -> None:
    assert TABLE.read(state, {}, server.engine()) is None


def test_new_columns_are_verified_and_never_replace_the_table(existing: FakeServer) -> None:
    engine = existing.engine()
    added = table(fields={"usage": "float64", "count": "int64"})
    assert TABLE.diff(table(), added) == Difference(changes=True)

    TABLE.update(table(), added, engine)
    assert existing.requests == ["query columns"]
    with pytest.raises(ResourceError, match="idle: declared float64, server has no such column"):
        TABLE.update(table(), table(fields={"usage": "float64", "idle": "float64"}), engine)


def test_an_update_of_retain_sends_nothing(server: FakeServer) -> None:
    TABLE.update(table(), table(retain=False), server.engine())

    assert server.requests == []


def test_an_update_creates_a_table_that_is_gone(server: FakeServer) -> None:
    TABLE.update(table(), table(tags=[]), server.engine())

    assert server.tables == {"cpu"}


def test_another_order_of_the_tags_is_no_change() -> None:
    assert TABLE.diff(table(tags=["a", "b"]), table(tags=["b", "a"])) == Difference(changes=False)


@pytest.mark.parametrize("name", ["db", "table_name"])
def test_another_name_replaces_and_is_created_first(name: str) -> None:
    assert TABLE.diff(table(retain=False), table(retain=False, **{name: "other"})) == Difference(True, (name,))


def test_a_renamed_table_is_created_before_the_old_one_is_deleted(existing: FakeServer) -> None:
    program = Program(Configuration())
    engine = existing.engine()
    engine.program = program
    state, renamed = table(retain=False), table(retain=False, table_name="cpu2")
    located = Located(TABLE)
    renamed = located.check(renamed, state, program)

    located.delete(state, engine)  # with delete_before_replace in its options
    located.create(renamed, engine)

    changes = [request for request in existing.requests if "table" in request]
    assert changes == ["make-table cpu2", "drop-table cpu"]


def test_a_failure_of_the_new_table_keeps_the_old_one(existing: FakeServer) -> None:
    existing.failures["make-table cpu2"] = [httpx.Response(403, text="no")]
    engine = existing.engine()

    with pytest.raises(ResourceError, match="'cpu2' in database 'db' was not created"):
        TABLE.make_way(table(retain=False), table(retain=False, table_name="cpu2"), engine)

    assert existing.tables == {"cpu"}


def test_a_table_is_kept_with_its_data_by_default(existing: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    TABLE.delete(table(), existing.engine())

    assert existing.requests == []
    assert "table 'cpu' in database 'db' is kept with its data; retain=False deletes it" in capsys.readouterr().err


@pytest.mark.parametrize("db", ["db", "gone"])
def test_with_retain_false_a_table_is_deleted(
    existing: FakeServer, db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = existing.engine()
    for _ in range(2):  # gone already is a success
        TABLE.delete(table(db=db, retain=False), engine)

    assert existing.tables == (set() if db == "db" else {"cpu"})
    assert ("was deleted with its data" in capsys.readouterr().err) == (db == "db")


def test_a_deletion_keeps_what_another_resource_uses(existing: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    engine = existing.engine(adopt=True)
    TABLE.create(table(retain=False), engine)

    TABLE.delete(table(retain=False), engine)

    assert existing.tables == {"cpu"}
    assert "another resource of this program uses it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"tags": ["time"]}, r"tags\[0\]: every table has the column 'time'"),
        ({"fields": {"": "int64"}}, "a column name must not be empty"),
        ({"fields": {"a\\": "int64"}}, "must not end with a backslash"),
        ({"fields": {"a": "int32"}}, "fields.a: 'utf8', 'int64', 'uint64', 'float64' or 'bool' is needed"),
        ({"fields": {"host": "utf8"}}, "fields: host is a tag, too: remove one"),
        ({"tags": ["a", "a"]}, "tags: a is listed twice"),
        ({"table_name": ""}, "table_name: a table name must not be empty"),
        ({"table_name": "a\nb"}, "holds a line break"),
        ({"db": "_internal"}, "a database name starts with an ASCII letter"),
    ],
)
def test_invalid_names_and_types_are_refused(properties: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInputs, match=reason):
        table(**properties)


def test_unknown_columns_pass() -> None:
    assert table(tags=UNKNOWN, fields={"a": UNKNOWN}).properties()["tags"] is UNKNOWN


def test_a_table_that_is_declared_twice_is_refused() -> None:
    located, program = Located(TABLE), Program(Configuration())
    located.check(table(), None, program)

    with pytest.raises(InvalidInputs, match="is the table 'cpu' in database 'db', too: change table_name"):
        located.check(table(), None, program)
    with pytest.raises(InvalidInputs, match="with another definition: change table_name"):
        located.check(table(tags=[]), table(), program)
    located.check(table(table_name=UNKNOWN), None, program)


def test_online_checks_refuse_what_a_deployment_would_refuse(existing: FakeServer) -> None:
    engine = existing.engine(online_checks=True)

    TABLE.check_online(table(), None, engine)
    TABLE.check_online(table(retain=False), table(), engine)
    TABLE.check_online(table(table_name="new", retain=False), None, engine)
    with pytest.raises(InvalidInputs, match=r"fields: table 'cpu' .*\n    usage: declared int64, server float64"):
        TABLE.check_online(table(fields={"usage": "int64"}), table(), engine)
    with pytest.raises(InvalidInputs, match=r"table_name: table 'cpu' .* exists already, and with retain=False"):
        TABLE.check_online(table(retain=False), None, engine)
    with pytest.raises(InvalidInputs, match="db: there is no database 'dbb'"):
        TABLE.check_online(table(db="dbb"), None, engine)
    engine.program.databases.add("dbb")
    TABLE.check_online(table(db="dbb"), None, engine)


def test_without_online_checks_a_preview_sends_nothing(server: FakeServer) -> None:
    TABLE.check_online(table(), None, server.engine(adopt=True))

    assert server.requests == []
