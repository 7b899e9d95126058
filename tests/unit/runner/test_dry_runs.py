"""Dry runs: writes are recorded and not stored (contract 6)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from runner_bench import is_running, wait_until

from influxdb3_embedded.model import TableBatch
from influxdb3_embedded.runner import DryRun, PluginFileError

if TYPE_CHECKING:
    from runner_bench import Bench

MOMENT = datetime(2026, 11, 23, 12, 17, 6, tzinfo=UTC)


def scheduled(
    bench: Bench, body: str, cache_name: str | None = None, arguments: dict[str, str] | None = None
) -> DryRun:
    lines = "\n    ".join(body.splitlines())
    bench.plugin("s.py", f"def process_scheduled_call(influxdb3_local, call_time, args=None):\n    {lines}\n")
    return bench.do(bench.runner.dry_run_schedule("s.py", "d", MOMENT, arguments, cache_name))


def test_log_lines_and_writes_come_back_and_nothing_is_stored(bench: Bench) -> None:
    line = "LineBuilder('m').int64_field('f', 1)"
    run = scheduled(
        bench,
        f"influxdb3_local.write({line})\ninfluxdb3_local.warn('w', args, call_time.tzinfo)\n"
        f"influxdb3_local.write_to_db('not valid', {line})\n"
        f"influxdb3_local.write_sync({line}.tag('s', 1), no_sync=False)",
        arguments={"a": "b"},
    )
    assert run.log_lines[:2] == [
        "INFO: starting execution with scheduled time 2026-11-23 12:17:06 UTC",
        "WARN: w {'a': 'b'} None",
    ]
    assert run.log_lines[2].startswith("INFO: finished execution in ")
    assert run.database_writes == {"d": ["m,s=1 f=1i", "m f=1i"], "not valid": ["m f=1i"]}
    assert run.error is None
    assert bench.backend.writes == []
    assert bench.logs.rows() == []


def test_each_of_many_writes_comes_back_with_its_own_text(bench: Bench) -> None:
    run = scheduled(
        bench,
        "class Lines:\n    build = lambda self: self.text\n"
        "for text in [*map(str, range(1_000)), 'é' * 100_000, '', 'a\\nb']:\n"
        "    lines = Lines()\n    lines.text = text\n    influxdb3_local.write(lines)",
    )
    assert run.database_writes == {"d": [*map(str, range(1_000)), "é" * 100_000, "", "a\nb"]}


@pytest.mark.parametrize(("head", "read"), [("\ufeff", "é"), ("# coding: utf-8\n", "é"), ("# coding: latin-1\n", "Ã©")])
def test_a_file_is_read_by_its_byte_order_mark_or_coding_line(bench: Bench, head: str, read: str) -> None:
    bench.plugin("s.py", f"{head}def process_scheduled_call(local, call_time, args): local.info('é')")
    run = bench.do(bench.runner.dry_run_schedule("s.py", "d", MOMENT, None, None))
    assert run.log_lines[1] == f"INFO: {read}"


def test_queries_are_real(bench: Bench) -> None:
    bench.backend.answers["SELECT 1"] = [{"a": 1}]
    run = scheduled(bench, "influxdb3_local.info(influxdb3_local.query('SELECT 1'))")
    assert run.log_lines[1] == "INFO: [{'a': 1}]"


def test_an_error_discards_everything_else(bench: Bench) -> None:
    run = scheduled(bench, "influxdb3_local.info('x')\nraise KeyError('stop')")
    assert run == DryRun([], {}, "error executing plugin: KeyError: 'stop'")


def test_a_plugin_of_another_kind_is_an_error(bench: Bench) -> None:
    bench.plugin("r.py", "def process_request(*_): return ''")
    run = bench.do(bench.runner.dry_run_wal("r.py", "d", [], None, None))
    assert run.error == (
        "error executing plugin: the process_writes function is not present in the plugin. Should be defined as: "
        "process_writes(influxdb3_local, table_batches, args=None)"
    )


def test_a_plugin_that_ends_its_process_is_an_error(bench: Bench) -> None:
    assert scheduled(bench, "import os; os._exit(3)").error == (
        "error executing plugin: plugin process exited with status 3"
    )


def test_a_missing_plugin_is_a_file_error(bench: Bench) -> None:
    with pytest.raises(PluginFileError, match="reading plugin file: Plugin not found: "):
        bench.do(bench.runner.dry_run_wal("no.py", "d", [], None, None))


def test_a_wal_plugin_gets_all_batches_and_may_get_none(bench: Bench) -> None:
    bench.plugin(
        "w.py", "def process_writes(influxdb3_local, table_batches, args=None): influxdb3_local.info(table_batches)"
    )
    run = bench.do(bench.runner.dry_run_wal("w.py", "d", [TableBatch("t", [{"v": 1, "time": 2}])], None, None))
    assert run.log_lines[1] == "INFO: [{'table_name': 't', 'rows': [{'v': 1, 'time': 2}]}]"
    assert bench.do(bench.runner.dry_run_wal("w.py", "d", [], None, None)).log_lines[1] == "INFO: []"


def test_a_directory_is_run_as_a_package(bench: Bench) -> None:
    bench.plugin("p/__init__.py", "from .util import process_scheduled_call")
    bench.plugin(
        "p/util.py", "def process_scheduled_call(influxdb3_local, call_time, args): influxdb3_local.info('here')"
    )
    assert bench.do(bench.runner.dry_run_schedule("p", "d", MOMENT, None, None)).log_lines[1] == "INFO: here"


@pytest.mark.parametrize("use_global", [False, True])
def test_dry_runs_with_the_same_cache_name_share_a_cache(bench: Bench, use_global: bool) -> None:
    body = (
        f"cache, where = influxdb3_local.cache, {{'use_global': {use_global}}}\n"
        "n = cache.get('n', 0, **where) + 1\ncache.put('n', n, **where)\ninfluxdb3_local.info(n)"
    )
    seen = [scheduled(bench, body, name).log_lines[1] for name in (None, None, "other", "_shared_test", "other")]
    assert seen == ["INFO: 1", "INFO: 2", "INFO: 1", "INFO: 3", "INFO: 2"]


KEEPER = """
import threading
class Kept:
    def __init__(self): self.n = 0
def process_scheduled_call(influxdb3_local, call_time, args=None):
    c, g = influxdb3_local.cache, {"use_global": (args or {}).get("g") == "1"}
    seen = c.get("seen", **g)
    if seen is None:
        seen = []
        c.put("seen", seen, **g)
    seen.append(1)
    kept = c.get("kept", **g) or Kept()
    c.put("kept", kept, **g)
    kept.n += 1
    locked = c.get("lock", **g) is None
    if locked:
        c.put("lock", threading.Lock(), **g)
    if (args or {}).get("end"):
        import os
        os._exit(3)
    influxdb3_local.info(len(seen), kept.n, locked)
"""


@pytest.mark.parametrize("g", ["0", "1"])
def test_the_cache_of_dry_runs_keeps_objects(bench: Bench, g: str) -> None:
    def run(plugin: str = "one.py", cache_name: str | None = None, **arguments: str) -> str:
        arguments["g"] = g
        found = bench.do(bench.runner.dry_run_schedule(plugin, "d", MOMENT, arguments, cache_name))
        return (found.error or found.log_lines[-2]).removeprefix("INFO: ")

    bench.plugin("one.py", KEEPER)
    bench.plugin("two.py", KEEPER)
    assert [run(), run(), run()] == ["1 1 True", "2 2 False", "3 3 False"]
    assert run(cache_name="other") == "1 1 True"
    # another plugin cannot have the lock, and then has one of its own
    assert run("two.py") == "4 4 True"
    bench.plugin("two.py", KEEPER.replace("len(seen),", "'changed', len(seen),"))
    assert run("two.py") == "changed 5 5 False"
    # a process that ends takes only what cannot be pickled with it
    assert run("two.py", end="1") == "error executing plugin: plugin process exited with status 3"
    assert run("two.py") == "changed 6 6 True"


def test_dry_runs_at_the_same_time_do_not_wait_for_each_other(bench: Bench) -> None:
    bench.plugin(
        "s.py",
        "import threading\nimport time\n"
        "def process_scheduled_call(influxdb3_local, call_time, args=None):\n"
        "    c = influxdb3_local.cache\n    c.put('lock', threading.Lock())\n"
        "    c.put(args['me'], 1)\n    while not c.get(args['other']): time.sleep(0.005)\n",
    )
    for _ in range(2):
        runs = [
            bench.begin(bench.runner.dry_run_schedule("s.py", "d", MOMENT, {"me": me, "other": other}, None))
            for me, other in (("a", "b"), ("b", "a"))
        ]
        assert [run.result(10).error for run in runs] == [None, None]


def test_dry_runs_keep_a_limited_number_of_processes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("influxdb3_embedded.runner.processes.dry_run_caches._MAX_PROCESSES", 2)
    body = "import os, threading\ninfluxdb3_local.cache.put('l', threading.Lock())\ninfluxdb3_local.info(os.getpid())"
    pids = [int(scheduled(bench, body, name).log_lines[1].removeprefix("INFO: ")) for name in "abcd"]
    wait_until(lambda: not is_running(pids[0]))
    assert [is_running(pid) for pid in pids[2:]] == [True, True]


def test_dry_runs_and_triggers_share_no_cache(bench: Bench) -> None:
    bench.request_plugin("influxdb3_local.cache.put('n', 7, use_global=True)\nreturn ''")
    bench.call()
    run = scheduled(bench, "influxdb3_local.info(influxdb3_local.cache.get('n', use_global=True))")
    assert run.log_lines[1] == "INFO: None"


def test_a_value_that_cannot_be_pickled_can_be_cached_during_a_dry_run(bench: Bench) -> None:
    run = scheduled(
        bench,
        "influxdb3_local.cache.put('f', lambda: 'kept')\ninfluxdb3_local.info(influxdb3_local.cache.get('f')())",
    )
    assert run.log_lines[1] == "INFO: kept"
