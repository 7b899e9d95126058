"""Databases, tables, writes and queries over HTTP (contract 7.1, 8.1 and 8.2)."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from influxdb3_engine_api import BadRequest, Conflict, NotFound, paths

if TYPE_CHECKING:
    import httpx

    from influxdb3_embedded.testing import RunningEngine


def query(http: httpx.Client, database: str, sql: str, **parameters: str) -> httpx.Response:
    headers = {"accept": parameters.pop("accept")} if "accept" in parameters else {}
    return http.get(paths.QUERY_SQL, params={"db": database, "q": sql, **parameters}, headers=headers)


@pytest.mark.parametrize("period", ["", "x", "0", "7", "-1d"])
def test_an_invalid_retention_period_is_refused(engine: RunningEngine, period: str) -> None:
    with pytest.raises(BadRequest, match="invalid retention period"):
        engine.client.create_database("never_made", period)
    assert "never_made" not in engine.client.databases()


def test_rows_older_than_the_retention_period_are_not_returned(engine: RunningEngine, http: httpx.Client) -> None:
    engine.client.create_database("short", "1h")
    now = time.time_ns()
    engine.client.write_lp("short", f"cpu v=1 {now - 2 * 3_600 * 10**9}\ncpu v=2 {now}", precision="ns")
    assert query(http, "short", "SELECT v FROM cpu").json() == [{"v": 2.0}]
    engine.client.update_database("short", None)
    assert len(query(http, "short", "SELECT v FROM cpu").json()) == 2


def test_a_very_long_retention_period_is_accepted(engine: RunningEngine) -> None:
    engine.client.create_database("ages", "100000000y")
    engine.client.write_lp("ages", "cpu v=1 1")
    assert engine.client.query_sql("ages", "SELECT v FROM cpu") == [{"v": 1.0}]


def test_a_system_table_lists_databases_and_their_retention_periods(
    engine: RunningEngine, http: httpx.Client, database: str
) -> None:
    engine.client.update_database(database, "90m")
    engine.client.create_database("for_ages", "100000000y")
    engine.client.create_database("deleted_later")
    parameters = {"db": "deleted_later", "hard_delete_at": "2100-01-01T00:00:00Z"}
    assert http.delete(paths.DATABASE, params=parameters).status_code == 200
    rows = {row["database_name"]: row for row in engine.client.query_sql("_internal", "SELECT * FROM system.databases")}
    assert rows["_internal"]["retention_period_ns"] == 7 * 86_400 * 10**9
    assert rows[database] == {"database_name": database, "retention_period_ns": 5_400 * 10**9, "deleted": False}
    assert 2**62 < rows["for_ages"]["retention_period_ns"] < 2**64
    (deleted,) = (row for name, row in rows.items() if name.startswith("deleted_later-"))
    assert (deleted["deleted"], deleted["hard_deletion_time"]) == (True, 4_102_444_800)
    with pytest.raises(BadRequest, match=r"table 'public\.system\.databases' not found"):
        engine.client.query_sql(database, "SELECT * FROM system.databases")


def test_a_deleted_database_frees_its_name_at_once(engine: RunningEngine, database: str) -> None:
    engine.client.write_lp(database, "cpu v=1 1")
    for _ in range(2):
        engine.client.delete_database(database)
        with pytest.raises(NotFound, match="database not found"):
            engine.client.query_sql(database, "SELECT 1")
        engine.client.create_database(database)
    assert engine.client.query_sql(database, "SHOW TABLES") != []
    with pytest.raises(BadRequest, match=r"table 'public\.iox\.cpu' not found"):
        engine.client.query_sql(database, "SELECT * FROM cpu")


def test_a_database_deleted_now_leaves_no_data(engine: RunningEngine, http: httpx.Client, database: str) -> None:
    parameters = {"db": database, "hard_delete_at": "now"}
    assert http.delete(paths.DATABASE, params=parameters).status_code == 200
    listed = http.get(paths.DATABASE, params={"format": "json", "show_deleted": "true"}).json()
    assert not [row for row in listed if row["iox::database"].startswith(database)]


@pytest.mark.parametrize("moment", ["never", "default", "2999-01-01T00:00:00Z"])
def test_a_deleted_database_is_kept_until_its_hard_delete_time(http: httpx.Client, database: str, moment: str) -> None:
    assert http.delete(paths.DATABASE, params={"db": database, "hard_delete_at": moment}).status_code == 200
    listed = http.get(paths.DATABASE, params={"format": "json", "show_deleted": "true"}).json()
    assert [row["deleted"] for row in listed if row["iox::database"].startswith(database)] == [True]


def test_an_invalid_hard_delete_time_is_refused(http: httpx.Client, database: str) -> None:
    assert http.delete(paths.DATABASE, params={"db": database, "hard_delete_at": "soon"}).status_code == 400


@pytest.mark.parametrize("call", ["delete_database", "update_database"])
def test_the_internal_database_cannot_be_changed(engine: RunningEngine, call: str) -> None:
    arguments: list[Any] = ["_internal"] if call == "delete_database" else ["_internal", "1d"]
    with pytest.raises(BadRequest, match="cannot modify internal db"):
        getattr(engine.client, call)(*arguments)


def test_databases_are_listed_by_name_in_each_format(engine: RunningEngine, http: httpx.Client) -> None:
    names = engine.client.databases()
    assert names == sorted(names)
    assert names[0] == "_internal"
    assert http.get(paths.DATABASE, params={"format": "csv"}).text.splitlines()[0] == "iox::database"
    missing = http.get(paths.DATABASE)
    assert (missing.status_code, missing.json()["error"]) == (400, "serde error: missing field `format`")


def test_a_new_table_has_its_columns(engine: RunningEngine, http: httpx.Client, database: str) -> None:
    fields = [{"name": f"f_{kind}", "type": kind} for kind in ("utf8", "int64", "uint64", "float64", "bool")]
    body = {"db": database, "table": "t", "tags": ["host"], "fields": fields}
    assert http.post(paths.TABLE, json=body).status_code == 200
    columns = engine.client.query_sql(
        database, "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 't'"
    )
    assert {row["column_name"]: row["data_type"] for row in columns} == {
        "f_bool": "Boolean",
        "f_float64": "Float64",
        "f_int64": "Int64",
        "f_uint64": "UInt64",
        "f_utf8": "Utf8",
        "host": "Dictionary(Int32, Utf8)",
        "time": "Timestamp(ns)",
    }
    again = http.post(paths.TABLE, json=body)
    assert (again.status_code, again.json()["error"]) == (409, "attempted to create a resource that already exists")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"table": "", "tags": [], "fields": []}, "table and column names cannot be empty"),
        ({"table": "t", "tags": [""], "fields": []}, "table and column names cannot be empty"),
        ({"table": "t", "tags": ["time"], "fields": []}, "'time' is a reserved column"),
        (
            {"table": "t", "tags": ["a"], "fields": [{"name": "a", "type": "bool"}]},
            "invalid column type for column 'a', expected iox::column_type::field::boolean, got iox::column_type::tag",
        ),
        (
            {"table": "t", "tags": [], "fields": [{"name": "a", "type": "text"}]},
            "unknown variant `text`, expected one of",
        ),
        ({"table": "t", "tags": []}, "missing field `fields`"),
    ],
)
def test_an_invalid_table_is_refused(http: httpx.Client, database: str, body: dict[str, Any], error: str) -> None:
    refused = http.post(paths.TABLE, json={"db": database, **body})

    assert refused.status_code == 400
    assert error in refused.json()["error"]


def test_a_repeated_tag_counts_once(engine: RunningEngine, http: httpx.Client, database: str) -> None:
    body = {"db": database, "table": "t", "tags": ["a", "a"], "fields": []}
    assert http.post(paths.TABLE, json=body).status_code == 200
    assert [row.column_name for row in engine.client.columns(database, "t")] == ["a", "time"]


def test_a_deleted_table_is_gone(engine: RunningEngine, http: httpx.Client, database: str) -> None:
    engine.client.write_lp(database, "cpu v=1 1")
    which = {"db": database, "table": "cpu"}
    assert http.delete(paths.TABLE, params=which).status_code == 200
    gone = http.delete(paths.TABLE, params=which)
    assert (gone.status_code, gone.json()["error"]) == (404, f"Table cpu not in DB schema for {database}")
    unknown = http.delete(paths.TABLE, params={"db": "unknown", "table": "cpu"})
    assert (unknown.status_code, unknown.json()["error"]) == (404, "Database not found unknown")


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("json", "application/json"),
        ("jsonl", "application/jsonl"),
        ("json_lines", "application/jsonl"),
        ("csv", "text/csv"),
        ("pretty", "text/plain; charset=utf-8"),
        ("parquet", "application/vnd.apache.parquet"),
    ],
)
def test_a_query_is_answered_in_its_format(http: httpx.Client, database: str, name: str, content_type: str) -> None:
    answer = query(http, database, "SELECT 1 AS one", format=name)
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml", "application/json"),
        ("text/csv", "text/csv"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
    ],
)
def test_a_query_without_a_format_is_answered_in_the_accepted_content_type(
    http: httpx.Client, database: str, accept: str, content_type: str
) -> None:
    assert query(http, database, "SELECT 1 AS one", accept=accept).headers["content-type"] == content_type


def test_an_unknown_accepted_content_type_is_an_error_even_with_a_format(http: httpx.Client, database: str) -> None:
    answer = query(http, database, "SELECT 1", accept="application/jsonl", format="json")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid mime type (application/jsonl)")


def test_a_parquet_answer_can_be_read(http: httpx.Client, database: str) -> None:
    answer = query(http, database, "SELECT 1 AS one, 'x' AS text", format="parquet")
    assert pq.read_table(io.BytesIO(answer.content)).to_pylist() == [{"one": 1, "text": "x"}]


def test_a_column_type_that_the_format_lacks_is_an_error(http: httpx.Client, database: str) -> None:
    answer = query(http, database, "SELECT INTERVAL '1 day'", format="parquet")
    assert answer.status_code == 405
    assert answer.json()["error"].startswith("This feature is not implemented: ")


def test_times_are_in_the_time_zone_of_the_query(engine: RunningEngine, http: httpx.Client, database: str) -> None:
    engine.client.write_lp(database, "home,room=k temp=1 1704067200", precision="s")
    angeles = "SELECT time AT TIME ZONE 'America/Los_Angeles' AS time, temp FROM home"
    assert query(http, database, angeles).json() == [{"time": "2024-01-01T00:00:00-08:00", "temp": 1.0}]
    paris = """SELECT date_trunc('day', arrow_cast(arrow_cast(time, 'Timestamp(ns, "UTC")'),
               'Timestamp(ns, "Europe/Paris")')) AS day FROM home"""
    assert query(http, database, paris, format="csv").text == "day\n2024-01-01T00:00:00+01:00\n"


@pytest.mark.parametrize(("value", "kind"), [("x", "Utf8"), (1, "Int64"), (1.5, "Float64"), (True, "Boolean")])
def test_parameters_keep_their_types(engine: RunningEngine, database: str, value: Any, kind: str) -> None:
    (row,) = engine.client.query_sql(database, "SELECT $p AS p, arrow_typeof($p) AS t", {"p": value})
    assert (row["p"], row["t"]) == (value, kind)


@pytest.mark.parametrize("params", ["[]", "{", '{"a":[]}', '{"a":{}}', "1"])
def test_parameters_of_other_types_are_refused(http: httpx.Client, database: str, params: str) -> None:
    assert query(http, database, "SELECT $a", params=params).status_code == 400
    if params.startswith('{"a"'):
        body = f'{{"db":"{database}","q":"SELECT $a","params":{params}}}'
        assert http.post(paths.QUERY_SQL, content=body).status_code == 400


def test_a_query_without_query_string_is_refused(http: httpx.Client) -> None:
    answer = http.get(paths.QUERY_SQL)
    assert (answer.status_code, answer.json()["error"]) == (400, "missing query parameters 'db' and 'q'")


@pytest.mark.parametrize(
    "sql",
    ["DROP TABLE cpu", "DELETE FROM cpu", "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
     "COPY cpu TO '/tmp/x.csv'", "SET datafusion.execution.batch_size = 1", "SELECT * FROM '/etc/passwd'"],
)  # fmt: skip
def test_sql_can_only_read_and_only_tables(engine: RunningEngine, database: str, sql: str) -> None:
    engine.client.write_lp(database, "cpu v=1 1")
    with pytest.raises(BadRequest):
        engine.client.query_sql(database, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "+".join(["v"] * 10_000) + " FROM cpu",
        "SELECT v FROM cpu WHERE " + " OR ".join(["v = 1"] * 10_000),
        "SELECT v FROM cpu" + " UNION ALL SELECT v FROM cpu" * 10_000,
        "SELECT v" + "::bigint" * 10_000 + " FROM cpu",
        "SELECT abs(1, " + "+".join(["v"] * 2_000) + ", 1) " + "+ v" * 2_000 + " FROM cpu",
        "SELECT " + "(" * 10_000 + "1" + ")" * 10_000,
        "SELECT " + "- " * 10_000 + "1",
        "SELECT " + "NOT " * 10_000 + "true",
        "SELECT " + "CASE WHEN true THEN " * 10_000 + "1" + " END" * 10_000,
    ],
    ids=["sum", "or", "union", "casts", "operand", "brackets", "signs", "not", "case"],
)
def test_a_query_that_is_too_deep_is_refused_and_the_engine_keeps_running(
    engine: RunningEngine, database: str, sql: str
) -> None:
    engine.client.write_lp(database, "cpu v=1 1")
    with pytest.raises(BadRequest):
        engine.client.query_sql(database, sql)
    assert engine.client.query_sql(database, "SELECT v FROM cpu") == [{"v": 1.0}]


def test_a_long_query_that_is_not_nested_deeply_is_answered(engine: RunningEngine, database: str) -> None:
    engine.client.write_lp(database, "cpu v=-7 1")
    listed = ", ".join(f"-{number}" for number in range(10_000))
    assert engine.client.query_sql(database, f"SELECT v FROM cpu WHERE v IN ({listed})") == [{"v": -7.0}]
    either = " OR ".join(f"(v = {-number} AND v < 0)" for number in range(500))
    assert engine.client.query_sql(database, f"SELECT v FROM cpu WHERE {either}") == [{"v": -7.0}]


def test_many_rows_are_returned_completely(engine: RunningEngine, http: httpx.Client, database: str) -> None:
    engine.client.write_lp(database, "\n".join(f"cpu v={at}i {at}" for at in range(5_000)), precision="ns")
    assert [row["v"] for row in query(http, database, "SELECT v FROM cpu ORDER BY v").json()] == list(range(5_000))


def test_a_write_as_in_influxdb_1_writes_all_lines_or_none(
    engine: RunningEngine, http: httpx.Client, database: str
) -> None:
    answer = http.post(paths.WRITE_V1, params={"db": database}, content=b"cpu v=1 1\ncpu bad 2")
    assert (answer.status_code, answer.json()["error"]) == (400, "line protocol parsing error")
    assert answer.json()["data"]["line_number"] == 2
    with pytest.raises(BadRequest, match="not found"):
        engine.client.query_sql(database, "SELECT * FROM cpu")


def test_a_retention_policy_becomes_part_of_the_database_name(engine: RunningEngine, http: httpx.Client) -> None:
    for policy, name in (("autogen", "v1"), ("default", "v1"), ("week", "v1/week")):
        parameters = {"db": "v1", "rp": policy, "precision": "s"}
        assert http.post(paths.WRITE_V1, params=parameters, content=b"cpu v=1 1").status_code == 204
        assert engine.client.query_sql(name, "SELECT time FROM cpu") == [{"time": "1970-01-01T00:00:01"}]


@pytest.mark.parametrize(
    ("path", "destination", "precisions"),
    [
        (paths.WRITE_LP, "db", {"second": 10**9, "ms": 10**6, "microsecond": 10**3, "ns": 1, "auto": 1, None: 1}),
        (paths.WRITE_V2, "bucket", {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1, None: 1}),
        (paths.WRITE_V1, "db", {"s": 10**9, "ms": 10**6, "u": 10**3, "n": 1, None: 1}),
    ],
)
def test_the_default_time_has_the_precision_of_the_write_in_each_write_operation(
    http: httpx.Client, database: str, path: str, destination: str, precisions: dict[str | None, int]
) -> None:
    for precision, unit in precisions.items():
        parameters = {destination: database} | ({"precision": precision} if precision else {})
        table = f"at_{precision}".lower()
        begin = time.time_ns()
        for _ in range(5):
            assert http.post(path, params=parameters, content=f"{table} v=1".encode()).status_code == 204
        sql = f"SELECT CAST(time AS BIGINT) AS time FROM {table}"
        times = [row["time"] for row in query(http, database, sql).json()]
        assert begin - begin % unit <= min(times) <= max(times) <= time.time_ns()
        # the chance of five whole microseconds is 1 in 10**15
        assert {at % unit for at in times} == {0}
        assert unit > 1 or any(at % 1_000 for at in times)


@pytest.mark.parametrize(
    ("path", "parameters", "text"),
    [
        (paths.WRITE_V1, {"x": "y"}, "failed to deserialize db/rp/precision in request: missing field `db`"),
        (paths.WRITE_V1, {"db": ""}, "no db destination provided"),
        (paths.WRITE_V2, {"org": "o"}, "missing bucket value"),
        (paths.WRITE_V2, {"bucket": ""}, "missing bucket value"),
    ],
)
def test_a_write_without_destination_is_refused(
    http: httpx.Client, path: str, parameters: dict[str, str], text: str
) -> None:
    answer = http.post(path, params=parameters, content=b"cpu v=1")
    assert (answer.status_code, answer.json()["error"]) == (400, text)


@pytest.mark.parametrize(
    ("path", "destination", "names"), [(paths.WRITE_V1, "db", "db/rp"), (paths.WRITE_V2, "bucket", "org/bucket")]
)
def test_older_write_operations_take_every_name_of_a_precision(
    http: httpx.Client, database: str, path: str, destination: str, names: str
) -> None:
    units = ("s", "second", "millisecond", "ms", "microsecond", "u", "us", "n", "nanosecond", "ns")
    for unit in units:
        answer = http.post(path, params={destination: database, "precision": unit}, content=b"cpu v=1 1")
        assert answer.status_code == 204
    refused = http.post(path, params={destination: database, "precision": "x"}, content=b"cpu v=1 1")
    expected = ", ".join(f"`{unit}`" for unit in units)
    assert refused.json()["error"] == (
        f"failed to deserialize {names}/precision in request: unknown variant `x`, expected one of {expected}"
    )


def test_an_empty_write_of_v2_has_its_own_text(http: httpx.Client, database: str) -> None:
    answer = http.post(paths.WRITE_V2, params={"bucket": database}, content=b"")
    assert answer.json()["message"] == "write buffer error: incoming write was empty"


def test_an_empty_write_and_a_write_that_is_not_utf_8_are_refused(http: httpx.Client, database: str) -> None:
    empty = http.post(paths.WRITE_LP, params={"db": database}, content=b"# only a comment\n")
    assert (empty.status_code, empty.json()["error"]) == (400, "incoming write was empty")
    binary = http.post(paths.WRITE_LP, params={"db": database}, content=b"cpu v=\xff")
    assert binary.json()["error"].startswith("body content is not valid utf8: ")


def test_a_database_that_exists_is_an_error(engine: RunningEngine, database: str) -> None:
    with pytest.raises(Conflict, match="attempted to create a resource that already exists"):
        engine.client.create_database(database)
