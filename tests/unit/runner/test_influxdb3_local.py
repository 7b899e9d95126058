"""``influxdb3_local``: logs, queries, writes and the cache, called from real plugins (contract 5)."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from runner_bench import Bench, wait_until

from influxdb3_embedded.runner import PluginFailed

if TYPE_CHECKING:
    from pathlib import Path

LINE = "LineBuilder('m').int64_field('f', 1)"


def error_of(bench: Bench, body: str) -> str:
    """The exception that a statement in a plugin raises."""
    bench.request_plugin(
        f"try:\n    {body}\nexcept Exception as e:\n    return type(e).__name__ + ': ' + str(e)\nreturn ''"
    )
    return bench.call().body.decode()


LINES = """\
class Lines:
    def __init__(self, text): self.text = text
    def build(self): return self.text
"""


def test_it_has_the_attributes_of_the_real_server_and_no_others(bench: Bench) -> None:
    bench.request_plugin("return sorted(name for name in dir(influxdb3_local) if not name.startswith('_'))")
    assert " ".join(json.loads(bench.call().body)) == (
        "cache error info query warn write write_sync write_sync_to_db write_to_db"
    )
    assert error_of(bench, "influxdb3_local.mine = 1").startswith("AttributeError")


def test_log_rows_are_visible_while_the_plugin_runs(bench: Bench) -> None:
    key = bench.request_plugin("influxdb3_local.warn('a', 1, None)\ninfluxdb3_local.error()\nwhile True: pass")
    bench.begin_call()
    wait_until(lambda: bench.rows()[1:] == [("WARN", "a 1 None"), ("ERROR", "")])
    bench.do(bench.runner.stop_trigger(key))


def test_rows_have_the_time_they_were_written(bench: Bench) -> None:
    bench.request_plugin(
        "import time\ninfluxdb3_local.info('a')\ntime.sleep(0.1)\ninfluxdb3_local.info('b')\nreturn ''"
    )
    bench.call()
    first, second = (row for row in bench.logs.rows() if row.text in ("a", "b"))
    assert 0.1e9 < second.time_ns - first.time_ns < 1e9
    assert abs(second.time_ns - time.time_ns()) < 5e9


def test_texts_that_no_table_can_hold_do_not_harm_the_log(bench: Bench) -> None:
    bench.request_plugin("influxdb3_local.info('\\ud800 \\U0001f600 \\x00')\nreturn ''")
    bench.call()
    assert bench.texts() == ["\ufffd \U0001f600 \x00"]


def test_a_query_returns_rows_with_all_their_columns_in_order(bench: Bench) -> None:
    rows = [{"z": 1, "a": None, "n": 2**70, "f": float("inf"), "s": "\ud800é", "b": True}]
    bench.backend.answers["SELECT * FROM t WHERE a = $a"] = rows
    bench.request_plugin(
        "rows = influxdb3_local.query('SELECT * FROM t WHERE a = $a', {'a': '4'})\n"
        "return repr(rows).encode('utf-16', 'surrogatepass').hex()"
    )
    assert bytes.fromhex(bench.call().body.decode()).decode("utf-16", "surrogatepass") == repr(rows)
    assert bench.backend.queries == [("d", "SELECT * FROM t WHERE a = $a", {"a": "4"})]


def test_a_query_can_name_another_database(bench: Bench) -> None:
    bench.request_plugin("influxdb3_local.query('SELECT 1', database='_internal')\nreturn ''")
    bench.call()
    assert bench.backend.queries == [("_internal", "SELECT 1", None)]


def test_a_failed_query_raises_query_error(bench: Bench) -> None:
    bench.backend.answers["SELECT x"] = "database not found: d"
    text = error_of(bench, "influxdb3_local.query('SELECT x')")
    assert text == "QueryError: error: database not found: d executing query on d: SELECT x"
    bench.request_plugin("influxdb3_local.query('SELECT x')")
    with pytest.raises(
        PluginFailed, match="Python function call failed: QueryError: error: database not found: d exec"
    ):
        bench.call()


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("query('q', {'a': 1})", "TypeError: argument 'args': 'int' object is not an instance of 'str'"),
        ("query('q', {1: 'a'})", "TypeError: argument 'args': 'int' object is not an instance of 'str'"),
        ("query(1)", "TypeError: argument 'query': 'int' object is not an instance of 'str'"),
        (
            "query('q', database='a b')",
            "QueryError: invalid database name provided: database name 'a b' contains invalid character, "
            "character number 1 is not allowed",
        ),
        ("write('text')", "AttributeError: 'str' object has no attribute 'build'"),
        ("write(type('B', (), {'build': lambda s: b'x'})())", "TypeError: 'bytes' object is not an instance of 'str'"),
        ("write(LineBuilder('m').tag('a', 'b'))", "InvalidLineError: At least one field is required: m,a=b"),
        (
            f"write_sync({LINE})",
            "TypeError: Influxdb3Local.write_sync() missing 1 required positional argument: 'no_sync'",
        ),
        (f"write_sync({LINE}, 1)", "TypeError: argument 'no_sync': 'int' object is not an instance of 'bool'"),
        (f"write_to_db(1, {LINE})", "TypeError: argument 'db_name': 'int' object is not an instance of 'str'"),
        (
            f"write_sync({LINE}, no_sync=True)",
            "Exception: error writing line protocol to d: Cannot write: line protocol parse failed: no",
        ),
        (
            f"write_sync_to_db('a.b', {LINE}, no_sync=True)",
            "Exception: error writing line protocol to a.b: invalid database name: database name 'a.b' contains "
            "invalid character, character number 1 is not allowed",
        ),
        ("cache.put(1, 2)", "TypeError: argument 'key': 'int' object is not an instance of 'str'"),
        ("cache.get('a', use_global=1)", "TypeError: argument 'use_global': 'int' object is not an instance of 'bool'"),
        ("cache.put('a', 1, -1)", "ValueError: cannot convert float seconds to Duration: value is negative"),
        (
            "cache.put('a', 1, float('nan'))",
            "ValueError: cannot convert float seconds to Duration: value is either too big or NaN",
        ),
        (
            "cache.put('a', 1, 1e300)",
            "ValueError: cannot convert float seconds to Duration: value is either too big or NaN",
        ),
        ("cache.put('a', 1, 'x')", "TypeError: argument 'ttl': must be real number, not str"),
    ],
)
def test_a_wrong_argument_raises_the_error_of_the_real_server(bench: Bench, statement: str, text: str) -> None:
    bench.backend.refused["d"] = "line protocol parse failed: no"
    assert error_of(bench, f"influxdb3_local.{statement}") == text


def test_queued_lines_are_written_once_a_database_after_the_run(bench: Bench) -> None:
    bench.request_plugin(
        f"influxdb3_local.write({LINE})\ninfluxdb3_local.write_to_db('other', {LINE})\n"
        f"influxdb3_local.write({LINE})\nreturn ''"
    )
    bench.call()
    assert bench.backend.writes == [("d", "m f=1i\nm f=1i", True), ("other", "m f=1i", True)]


def test_queued_lines_of_a_failed_run_are_dropped_and_synchronous_ones_stay(bench: Bench) -> None:
    bench.request_plugin(
        f"influxdb3_local.write({LINE})\ninfluxdb3_local.write_sync({LINE}, no_sync=True)\n"
        f"influxdb3_local.write_sync_to_db('o', {LINE}, False)\n1 / 0"
    )
    with pytest.raises(PluginFailed):
        bench.call()
    assert bench.backend.writes == [("d", "m f=1i", False), ("o", "m f=1i", True)]


def test_queued_lines_of_any_number_and_length_are_written_as_they_are(bench: Bench) -> None:
    bench.request_plugin(
        "for number in range(1_000): influxdb3_local.write(Lines(f'a v={number}'))\n"
        "influxdb3_local.write_to_db('d', Lines('é' * 100_000))\n"
        "influxdb3_local.write(Lines(''))\n"
        "influxdb3_local.write_to_db('other', Lines('b' * 65_536))\n"
        "influxdb3_local.write(Lines('last'))\n"
        "return ''",
        before=LINES,
    )
    bench.call()
    lines = "\n".join([*(f"a v={number}" for number in range(1_000)), "é" * 100_000, "", "last"])
    assert bench.backend.writes == [("d", lines, True), ("other", "b" * 65_536, True)]


def test_many_queued_lines_of_a_failed_run_are_dropped(bench: Bench) -> None:
    bench.request_plugin(
        "for number in range(1_000): influxdb3_local.write(Lines('a v=1'))\n"
        "influxdb3_local.write(Lines('b' * 200_000))\n"
        "if b: raise ValueError('no')\nreturn ''",
        before=LINES,
    )
    with pytest.raises(PluginFailed):
        bench.call(body=b"fail")
    assert bench.backend.writes == []


def test_many_queued_lines_of_a_run_whose_process_ends_are_dropped(bench: Bench) -> None:
    # the writes arrive, but not the end of the run
    bench.request_plugin(
        "send = influxdb3_local._channel.send\n"
        "type(influxdb3_local._channel).send = lambda channel, message, data=b'': (\n"
        "    send(message, data) if message['op'] == 'writes' else os._exit(1))\n"
        "for number in range(1_000): influxdb3_local.write(Lines('a v=1'))\n"
        "return ''",
        before=f"import os\n{LINES}",
    )
    with pytest.raises(PluginFailed, match="exited with status 1"):
        bench.call()
    assert bench.backend.writes == []


def test_long_texts_in_the_log_are_shortened(bench: Bench) -> None:
    bench.request_plugin("influxdb3_local.info('é' * 100_000)\nraise ValueError('x' * 100_000)")
    with pytest.raises(PluginFailed, match=r"ValueError: x+ \.\.\. 34476 characters left out$"):
        bench.call()
    assert bench.texts() == ["é" * 65_536 + " ... 34464 characters left out"]


@pytest.mark.parametrize(
    "statement",
    [
        "influxdb3_local.query('x' * 2**20)",
        "influxdb3_local.query('x', {'a': 'x' * 2**20})",
        "influxdb3_local.query('x', database='x' * 100_000)",
        "influxdb3_local.write_to_db('x' * 100_000, Lines('a v=1'))",
        "influxdb3_local.cache.put('x' * 2**20, 1, use_global=True)",
    ],
)
def test_an_argument_that_is_too_long_raises_in_the_plugin(bench: Bench, statement: str) -> None:
    bench.request_plugin(f"try: {statement}\nexcept ValueError as error: return str(error)", before=LINES)
    assert bench.call().body == b"more data than a plugin can exchange with the server at once"


@pytest.mark.parametrize("length", [0, 1, 65_536, 65_537, 1_000_000])
def test_values_of_any_length_pass_between_processes(bench: Bench, length: int) -> None:
    bench.request_plugin(f"influxdb3_local.cache.put('k', bytes({length}), use_global=True)\nreturn ''", name="put")
    bench.request_plugin("return str(len(influxdb3_local.cache.get('k', use_global=True)))", name="get")
    bench.request_plugin("return b.decode()", name="echo")
    bench.call("put")
    assert int(bench.call("get").body) == length
    assert bench.call("echo", body=b"x" * length).body == b"x" * length


def test_queued_lines_that_cannot_be_written_are_only_logged(bench: Bench) -> None:
    bench.backend.refused["d"] = "line protocol parse failed: no"
    bench.request_plugin(
        f"influxdb3_local.write({LINE})\ninfluxdb3_local.write_to_db('a.b', {LINE})\n"
        f"influxdb3_local.write_to_db('o', {LINE})\nreturn 'fine'"
    )
    assert bench.call().body == b"fine"
    assert bench.texts(level="ERROR") == [
        "error running request plugin: error writing back lines to d: Cannot write: line protocol parse failed: no",
        "error running request plugin: invalid database name: a.b",
    ]
    assert bench.backend.writes == [("o", "m f=1i", True)]


def test_threads_of_a_plugin_share_influxdb3_local(bench: Bench) -> None:
    bench.backend.answers = {f"SELECT {number}": [{"n": number}] for number in range(40)}
    bench.request_plugin(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    return [rows[0]['n'] for rows in pool.map(lambda n: influxdb3_local.query(f'SELECT {n}'), range(40))]"
    )
    assert json.loads(bench.call().body) == list(range(40))


def test_a_thread_that_outlives_the_run_is_refused_and_does_not_disturb_the_next(bench: Bench) -> None:
    bench.backend.answers["SELECT 1"] = [{"n": 1}]
    bench.request_plugin(
        "import threading, time\n"
        "def go_on():\n"
        "    while True:\n"
        "        try: influxdb3_local.query('SELECT 1')\n"
        "        except RuntimeError as error:\n            print(error)\n            return\n"
        "thread = threading.Thread(target=go_on)\nthread.start()\ntime.sleep(0.01)\nreturn 'fine'"
    )
    assert [bench.call().body for _ in range(20)] == [b"fine"] * 20


def test_a_trigger_keeps_values_by_reference_until_it_is_stopped(bench: Bench) -> None:
    body = (
        "counter = influxdb3_local.cache.get('counter')\n"
        "if counter is None:\n    import itertools, threading\n"
        "    counter = (itertools.count(1), threading.Lock())\n    influxdb3_local.cache.put('counter', counter)\n"
        "return str(next(counter[0]))"
    )
    key = bench.request_plugin(body)
    assert [bench.call().body for _ in range(3)] == [b"1", b"2", b"3"]
    bench.do(bench.runner.stop_trigger(key))
    bench.request_plugin(body)
    assert bench.call().body == b"1"


@pytest.mark.parametrize("run_async", [False, True])
@pytest.mark.parametrize("use_global", [False, True])
def test_the_cache_puts_gets_and_deletes_values(bench: Bench, run_async: bool, use_global: bool) -> None:
    bench.request_plugin(
        f"import time\ncache, where = influxdb3_local.cache, {{'use_global': {use_global}}}\n"
        "cache.put('a', {'x': [1]}, **where)\ncache.put('none', None, **where)\n"
        "cache.put('short', 1, ttl=0.05, **where)\ncache.put('expired', 1, 0, **where)\n"
        "found = [cache.get('a', **where), cache.get('none', 5, **where), cache.get('short', **where),\n"
        "    cache.get('expired', **where), cache.get('no', default=7, **where), cache.get('no', **where)]\n"
        "time.sleep(0.06)\n"
        "found += [cache.get('short', **where), cache.delete('a', **where), cache.delete('a', **where),\n"
        "    cache.get('a', use_global=not where['use_global'])]\nreturn found",
        run_async=run_async,
    )
    assert json.loads(bench.call().body) == [{"x": [1]}, None, 1, None, 7, None, None, True, False, None]


def test_triggers_share_only_the_global_namespace(bench: Bench) -> None:
    body = (
        "found = [influxdb3_local.cache.get('k', use_global=g) for g in (False, True)]\n"
        "for g in (False, True): influxdb3_local.cache.put('k', args['me'], use_global=g)\nreturn found"
    )
    bench.request_plugin(body, name="one", arguments={"me": "one"})
    bench.request_plugin(body, name="two", arguments={"me": "two"}, run_async=True)
    assert json.loads(bench.call("one").body) == [None, None]
    assert json.loads(bench.call("two").body) == [None, "one"]
    assert json.loads(bench.call("one").body) == ["one", "two"]
    assert json.loads(bench.call("two").body) == ["two", "one"]


def test_plugins_see_their_own_environment_and_not_the_engines(
    tmp_path: Path, environment_location: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "INFLUXDB3_AUTH_TOKEN",
        "PULUMI_CONFIG_PASSPHRASE",
        "PYTHONPATH",
        "AWS_SECRET_ACCESS_KEY",
        "PIP_PROXY",
    ):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("MINE", "kept")
    bench = Bench(tmp_path, environment_location, passed_on=("MINE", "not set"))
    try:
        bench.request_plugin(
            "import importlib.util, os, sys\n"
            "ours = importlib.util.find_spec('influxdb3_embedded') is not None\n"
            "return dict(os.environ) | {'prefix': sys.prefix, 'path': sys.path, 'ours': ours}"
        )
        seen = json.loads(bench.call().body)
    finally:
        bench.close()
    venv = str(environment_location)
    assert (seen["VIRTUAL_ENV"], seen["prefix"]) == (venv, venv)
    assert seen["PATH"].split(":")[0] == f"{venv}/bin"
    assert seen["PLUGIN_DIR"] == seen["INFLUXDB3_PLUGIN_DIR"] == str(tmp_path)
    assert seen["MINE"] == "kept"
    assert "secret" not in seen.values()
    assert "" not in seen["path"]
    assert seen["ours"] is False


def test_line_builder_is_a_builtin_and_its_errors_are_in_main(bench: Bench) -> None:
    bench.request_plugin(
        "import __main__, builtins\nassert builtins.LineBuilder is __main__.LineBuilder\n"
        "try: LineBuilder('a b')\nexcept __main__.InfluxDBError as error: return repr(type(error))"
    )
    assert bench.call().body == b"<class '__main__.InvalidMeasurementError'>"
