"""Plugins that read and write the engine's data (contract 4 and 5), through HTTP alone."""

from __future__ import annotations

import functools
import http.server
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from influxdb3_embedded.testing import start_engine
from influxdb3_engine_api import BadRequest, CreateTrigger, TriggerSettings
from influxdb3_engine_api.wire import ErrorBehavior, TestSchedulePlugin, TestWalPlugin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine

REQUEST = "def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):\n"
WAL = "def process_writes(influxdb3_local, table_batches, args=None):\n"
SCHEDULE = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n"


def eventually(look: Callable[[], Any], wanted: Any, seconds: float = 5.0) -> None:
    """Wait until ``look`` sees what is wanted, and show what it saw last if it does not."""
    deadline = time.monotonic() + seconds
    while (seen := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    assert seen == wanted


def create(
    engine: RunningEngine,
    database: str,
    specification: str,
    code: str,
    error_behavior: ErrorBehavior = ErrorBehavior.LOG,
    *,
    run_async: bool = False,
) -> None:
    engine.client.create_plugin_file(f"{database}.py", code)
    engine.client.create_trigger(
        CreateTrigger(
            db=database,
            plugin_filename=f"{database}.py",
            trigger_name=database,
            trigger_settings=TriggerSettings(run_async=run_async, error_behavior=error_behavior),
            trigger_specification=specification,
            disabled=False,
        )
    )


def answer(engine: RunningEngine, database: str, body: str) -> str:
    """What a request plugin with this body answers."""
    create(engine, database, f"request:{database}", f"{REQUEST}    {body}")
    return engine.client.call_request_trigger(database).text


def test_a_wal_trigger_derives_rows_from_what_is_written(engine: RunningEngine, database: str) -> None:
    code = (
        f"{WAL}    for row in table_batches[0]['rows']:\n"
        "        influxdb3_local.write(LineBuilder('hot').float64_field('v', row['v'] * 2))\n"
    )
    create(engine, database, "table:cpu", code)
    engine.client.write_lp(database, "mem v=1\ncpu,host=a v=21")
    eventually(lambda: tables(engine, database), {"cpu", "hot", "mem"})
    assert engine.client.query_sql(database, "SELECT v FROM hot") == [{"v": 42.0}]


def tables(engine: RunningEngine, database: str) -> set[str]:
    rows = engine.client.query_sql(
        database, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'iox'"
    )
    return {row["table_name"] for row in rows}


def test_a_query_of_a_plugin_sees_all_columns_and_its_arguments(engine: RunningEngine, database: str) -> None:
    engine.client.write_lp(database, "cpu,host=a v=1i 1000000000\ncpu,host=b w=2i 2000000000", precision="ns")
    sql = "SELECT host, v, time FROM cpu WHERE host = $h"
    body = f"return [influxdb3_local.query({sql!r}, {{'h': 'b'}})]"
    assert answer(engine, database, body) == '[[{"host": "b", "v": null, "time": 2000000000}]]'


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            "query('SELECT * FROM nope')",
            "error: error while planning query: Error during planning: table 'public.iox.nope' not found"
            " executing query on $DB: SELECT * FROM nope",
        ),
        (
            "query('SELECT 1', database='unknown')",
            "error: database not found: unknown executing query on unknown: SELECT 1",
        ),
        (
            "write_sync(LineBuilder('_').int64_field('v', 'x'), True)",
            "error writing line protocol to $DB: Cannot write: line protocol parse failed: No fields were provided",
        ),
        (
            "write_sync_to_db('_internal', LineBuilder('t').int64_field('v', 1), False)",
            "error writing line protocol to _internal: Cannot write: cannot modify internal db",
        ),
    ],
)
def test_a_plugin_can_catch_what_goes_wrong(engine: RunningEngine, database: str, call: str, text: str) -> None:
    body = f"try: influxdb3_local.{call}\n    except Exception as error: return str(error)"
    assert answer(engine, database, body).replace(database, "$DB") == text


def test_a_plugin_writes_to_a_database_that_it_makes(engine: RunningEngine, database: str) -> None:
    line = "LineBuilder('t').int64_field('v', 1)"
    answer(engine, database, f"influxdb3_local.write_sync_to_db('{database}_made', {line}, False); return 'done'")
    assert engine.client.query_sql(f"{database}_made", "SELECT v FROM t") == [{"v": 1}]


def test_a_trigger_that_is_disabled_by_its_error_is_stored_as_disabled(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        engine.client.create_database("d")
        code = f"{WAL}    raise ValueError('broken')\n"
        create(engine, "d", "all_tables", code, error_behavior=ErrorBehavior.DISABLE)
        engine.client.write_lp("d", "cpu v=1")
        eventually(lambda: [row.disabled for row in engine.client.triggers("d")], [True])
        assert "ValueError: broken" in str(engine.client.trigger_logs("d", "d"))
        engine.kill()
    with start_engine(tmp_path) as engine:
        assert [row.disabled for row in engine.client.triggers("d")] == [True]


def test_a_dry_run_checks_what_the_plugin_writes(engine: RunningEngine, database: str) -> None:
    engine.client.write_lp(database, "cpu v=1i")
    code = (
        f"{SCHEDULE}    influxdb3_local.write(LineBuilder('cpu').string_field('v', 'x'))\n"
        "    influxdb3_local.write_to_db('bad name', LineBuilder('cpu').int64_field('v', 1))\n"
    )
    engine.client.create_plugin_file("writes.py", code)
    result = engine.client.test_schedule_plugin(TestSchedulePlugin(filename="writes.py", database=database))
    assert result.database_writes == {database: ['cpu v="x"'], "bad name": ["cpu v=1i"]}
    assert [error.replace(database, "$DB") for error in result.errors] == [
        "line protocol parse error on write to db $DB: WriteLineError { original_line: "
        '"cpu v=x", line_number: 1, error_message: "invalid column type for column \'v\', '
        'expected iox::column_type::field::integer, got iox::column_type::field::string" }',
        "database name bad name is invalid: invalid character in database or rp name: must be ASCII, "
        "containing only letters, numbers, underscores, or hyphens",
    ]
    assert tables(engine, database) == {"cpu"}


@pytest.mark.parametrize("schedule", ["every:5m", "5m", "cron:0 */5 * * * *", "0 */5 * * * *"])
def test_a_dry_run_takes_a_schedule_with_or_without_prefix(engine: RunningEngine, database: str, schedule: str) -> None:
    engine.client.create_plugin_file("time.py", f"{SCHEDULE}    influxdb3_local.info(call_time.minute % 5)\n")
    test = TestSchedulePlugin(filename="time.py", database=database, schedule=schedule)
    result = engine.client.test_schedule_plugin(test)
    assert (result.log_lines[1], result.errors) == ("INFO: 0", [])
    assert result.trigger_time is not None
    assert result.trigger_time.endswith(":00Z")


@pytest.mark.parametrize(
    ("schedule", "error"),
    [
        ("nope", "invalid cron syntax: nope\n^\n"),
        ("* * * * *", "invalid cron syntax: * * * * *\n^\n"),
        ("every:2y", "invalid cron syntax: every:2y\n^\n"),
        ("0 0 0 31 2 *", "cron schedule never triggers: 0 0 0 31 2 *"),
        ("0 0 0 1 1 * 2020", "cron schedule never triggers: 0 0 0 1 1 * 2020"),
        ("0 0 0 1 1 * 2101", "invalid cron syntax: 0 0 0 1 1 * 2101\n^\n"),
    ],
)
def test_a_dry_run_says_why_a_schedule_cannot_be(
    engine: RunningEngine, database: str, schedule: str, error: str
) -> None:
    engine.client.create_plugin_file("time.py", f"{SCHEDULE}    pass\n")
    test = TestSchedulePlugin(filename="time.py", database=database, schedule=schedule)
    result = engine.client.test_schedule_plugin(test)
    assert [text[: len(error)] for text in result.errors] == [error]
    assert (result.trigger_time, result.log_lines) == (None, [])


def test_a_dry_run_takes_a_year(engine: RunningEngine, database: str) -> None:
    engine.client.create_plugin_file("year.py", f"{SCHEDULE}    influxdb3_local.info(call_time.isoformat())\n")
    test = TestSchedulePlugin(filename="year.py", database=database, schedule="0 30 6 1 1 * 2090")
    result = engine.client.test_schedule_plugin(test)
    assert (result.log_lines[1], result.trigger_time) == ("INFO: 2090-01-01T06:30:00", "2090-01-01T06:30:00Z")


@pytest.mark.parametrize("year", ["2020", "2090", "1970-2100", "*"])
def test_a_trigger_takes_a_year_and_runs_in_it(engine: RunningEngine, database: str, year: str) -> None:
    create(engine, database, f"cron:* * * * * * {year}", f"{SCHEDULE}    influxdb3_local.info('in')\n")
    (row,) = engine.client.triggers(database)
    assert row.trigger_specification == f'{{"schedule":{{"schedule":"* * * * * * {year}"}}}}'
    time.sleep(1.5)
    assert bool(engine.client.trigger_logs(database, database)) == (year in ("1970-2100", "*"))


LOCAL_TIME = """from datetime import datetime, timezone
def process_scheduled_call(influxdb3_local, call_time, args=None):
    def off(moment):
        return round((moment.replace(tzinfo=timezone.utc) - datetime.now(timezone.utc)).total_seconds() / 60)
    influxdb3_local.info(off(call_time), off(datetime.now()), off(datetime.fromtimestamp(datetime.now().timestamp())))
"""


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "XXX-9", "UTC"])
def test_local_time_of_plugins_is_utc_in_every_time_zone_of_the_machine(tmp_path: Path, zone: str) -> None:
    with start_engine(tmp_path, environment={"TZ": zone}, object_store="memory") as engine:
        engine.client.create_database("d")
        create(engine, "d", "cron:* * * * * *", LOCAL_TIME)
        eventually(lambda: "0 0 0" in [row.log_text for row in engine.client.trigger_logs("d", "d")], wanted=True)
        result = engine.client.test_schedule_plugin(TestSchedulePlugin(filename="d.py", database="d"))
        assert result.log_lines[1] == "INFO: 0 0 0"


GLOBAL_CACHE = """import threading
class Resolver:
    def __init__(self): self.n = 0
def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    g = query_parameters.get("g") == "1"
    c = influxdb3_local.cache
    seen = c.get("seen", use_global=g)
    if seen is None:
        seen = []
        c.put("seen", seen, use_global=g)
    seen.append(len(seen))
    r = c.get("resolver", use_global=g)
    if r is None:
        r = Resolver()
        c.put("resolver", r, 600, use_global=g)
    r.n += 1
    if c.get("lock", use_global=g) is None:
        c.put("lock", threading.Lock(), use_global=g)
    return {"seen": len(seen), "resolver": r.n}
"""


@pytest.mark.parametrize("run_async", [False, True])
@pytest.mark.parametrize("g", ["0", "1"])
def test_the_cache_keeps_objects(engine: RunningEngine, database: str, run_async: bool, g: str) -> None:
    create(
        engine, database, f"request:{database}", GLOBAL_CACHE.replace('"seen"', f'"{database}"'), run_async=run_async
    )
    answers = [engine.client.call_request_trigger(database, params={"g": g}).json() for _ in range(3)]
    assert [answer[database] for answer in answers] == [1, 2, 3]
    # other triggers of this engine put a resolver, too
    first = answers[0]["resolver"]
    assert [answer["resolver"] for answer in answers] == [first, first + 1, first + 2]


@pytest.mark.parametrize("database", ["_x", "", "a b"])
def test_a_dry_run_refuses_an_impossible_database(engine: RunningEngine, database: str) -> None:
    engine.client.create_plugin_file("wal.py", f"{WAL}    pass\n")
    result = engine.client.test_wal_plugin(TestWalPlugin(filename="wal.py", database=database, input_lp=""))
    assert result.errors == [f"invalid database {database}"]


def test_an_update_of_a_plugin_directory_is_what_the_next_call_runs(engine: RunningEngine, database: str) -> None:
    package = {"__init__.py": f"from .value import VALUE\n{REQUEST}    return VALUE\n", "value.py": "VALUE = 'one'\n"}
    for path, content in package.items():
        engine.client.create_plugin_file(f"{database}/{path}", content)
    engine.client.create_trigger(
        CreateTrigger(
            db=database,
            plugin_filename=database,
            trigger_name=database,
            trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
            trigger_specification=f"request:{database}",
            disabled=False,
        )
    )
    assert engine.client.call_request_trigger(database).text == "one"
    engine.client.update_plugin_directory(database, package | {"value.py": "VALUE = 'two'\n"})
    assert engine.client.call_request_trigger(database).text == "two"


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """A web server with a plugin, and its URL."""
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "remote.py").write_text(f"{REQUEST}    return 'from afar'\n")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_plugins_come_from_a_repository(repository: str, tmp_path: Path) -> None:
    with start_engine(tmp_path / "engine", object_store="memory", plugin_repo=repository) as engine:
        engine.client.create_database("d")
        trigger = CreateTrigger(
            db="d",
            plugin_filename="gh:team/remote.py",
            trigger_name="remote",
            trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
            trigger_specification="request:remote",
            disabled=False,
        )
        engine.client.create_trigger(trigger)
        assert engine.client.call_request_trigger("remote").text == "from afar"
        missing = trigger.model_copy(update={"plugin_filename": "gh:team/missing.py", "trigger_name": "missing"})
        with pytest.raises(BadRequest, match="error fetching plugin from repository: 404"):
            engine.client.create_trigger(missing)


@pytest.mark.parametrize(
    ("returned", "status", "headers"),
    [
        ("'x', 999", 999, {}),
        ("'x', 204", 204, {}),
        ("'x', 100", 500, {}),
        ("'x', {'Content-Length': '5', 'Connection': 'close', 'X-Own': 'y'}", 200, {"x-own": "y"}),
    ],
)
def test_an_answer_of_a_plugin_is_always_whole(
    engine: RunningEngine, database: str, returned: str, status: int, headers: dict[str, str]
) -> None:
    create(engine, database, f"request:{database}", f"{REQUEST}    return {returned}\n")
    for _ in range(2):
        response = engine.client.call_request_trigger(database)
        assert response.status_code == status
        assert headers.items() <= dict(response.headers).items()
