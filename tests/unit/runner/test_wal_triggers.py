"""Triggers on writes: what they are called with, and what a failed run leads to (contract 3.2, 4.4 and 4.6)."""

from __future__ import annotations

import json
import threading
import time

import pytest
from runner_bench import Bench, wait_until

from influxdb3_embedded.model import Row, TableBatch

SHOW = """\
import json
def process_writes(influxdb3_local, table_batches, args=None):
    influxdb3_local.info(json.dumps([table_batches, args]))
"""


def rows(*values: int) -> list[Row]:
    return [{"v": value, "time": value} for value in values]


def calls(bench: Bench, trigger: str = "w") -> list[list[tuple[str, list[Row]]]]:
    """The batches of each call, as the plugin logged them."""
    return [[(batch["table_name"], batch["rows"]) for batch in json.loads(text)[0]] for text in bench.texts(trigger)]


def test_a_flush_is_one_call_with_its_tables(bench: Bench) -> None:
    bench.trigger("w", bench.plugin("w.py", SHOW), "all_tables", arguments={"k": "v"})
    row: Row = {"host": "é", "i": -(2**63), "u": 2**64 - 1, "f": 1.5, "b": True, "s": "x\ny", "time": 2**62}
    bench.flush(TableBatch("cpu", [row]), TableBatch("mem", rows(2)))
    wait_until(lambda: bench.texts("w"))
    assert json.loads(bench.texts("w")[0]) == [
        [{"table_name": "cpu", "rows": [row]}, {"table_name": "mem", "rows": rows(2)}],
        {"k": "v"},
    ]


def test_a_table_trigger_gets_its_table_and_is_not_called_for_others(bench: Bench) -> None:
    bench.trigger("w", bench.plugin("w.py", SHOW), "table:cpu")
    bench.flush(TableBatch("mem", rows(1)))
    bench.flush(TableBatch("cpu", rows(2)), database="other")
    bench.flush(TableBatch("mem", rows(3)), TableBatch("cpu", rows(4)))
    wait_until(lambda: bench.texts("w"))
    assert calls(bench) == [[("cpu", rows(4))]]


def test_flushes_that_wait_are_delivered_in_order_and_merged_beyond_sixty(bench: Bench) -> None:
    bench.plugin("gate.txt", "")
    bench.trigger(
        "w",
        bench.plugin(
            "w.py",
            "import os, time\nwhile os.path.exists(os.environ['PLUGIN_DIR'] + '/gate.txt'): time.sleep(0.01)\n" + SHOW,
        ),
        "all_tables",
    )
    bench.flush(TableBatch("b", rows(0)))
    wait_until(lambda: bench.rows("w"))
    for number in range(1, 200):
        bench.flush(TableBatch("a" if number % 2 else "b", rows(number)))
    (bench.plugins / "gate.txt").unlink()
    wait_until(lambda: sum(len(batch) for call in calls(bench) for _, batch in call) == 200)
    assert len(calls(bench)) == 61
    assert [call[0][1][0]["v"] for call in calls(bench)] == list(range(61))
    last = {table: [row["v"] for row in batch] for table, batch in calls(bench)[-1]}
    assert last == {"b": list(range(60, 200, 2)), "a": list(range(61, 200, 2))}


def test_delivering_to_a_hanging_plugin_does_not_wait(bench: Bench) -> None:
    bench.trigger("w", bench.plugin("w.py", "while True: pass"), "all_tables")
    start = time.monotonic()
    for number in range(1000):
        bench.flush(TableBatch("t", rows(number)))
    done = threading.Event()
    bench._loop.call_soon_threadsafe(done.set)
    assert done.wait(5)
    assert time.monotonic() - start < 1


def test_asynchronous_runs_overlap(bench: Bench) -> None:
    bench.trigger(
        "w",
        bench.plugin(
            "w.py",
            "import time\n"
            "def process_writes(influxdb3_local, table_batches, args=None):\n"
            "    cache = influxdb3_local.cache\n"
            "    cache.put(str(table_batches[0]['rows'][0]['v']), 1)\n"
            "    while not all(cache.get(str(n)) for n in range(5)): time.sleep(0.005)\n"
            "    influxdb3_local.info('met')\n",
        ),
        "all_tables",
        run_async=True,
    )
    for number in range(5):
        bench.flush(TableBatch("t", rows(number)))
    wait_until(lambda: bench.texts("w") == ["met"] * 5)


def test_log_logs_the_error_and_goes_on(bench: Bench) -> None:
    source = SHOW + "    if table_batches[0]['rows'][0]['v'] == 1: raise ValueError('x')\n"
    bench.trigger("w", bench.plugin("w.py", source), "all_tables")
    bench.flush(TableBatch("t", rows(1)))
    bench.flush(TableBatch("t", rows(2)))
    wait_until(lambda: len(bench.texts("w")) == 2)
    errors = bench.texts("w", "ERROR")
    assert errors[0] == "error executing wal plugin: ValueError: x"
    assert errors[1] == "Traceback (most recent call last):"
    assert errors[-1] == "ValueError: x"


def test_retry_delivers_the_same_flush_again_after_a_second(bench: Bench) -> None:
    source = SHOW + (
        "    tries = influxdb3_local.cache.get('tries', 1)\n"
        "    influxdb3_local.cache.put('tries', tries + 1)\n"
        "    if tries < 2: raise ValueError('x')\n"
    )
    bench.trigger("w", bench.plugin("w.py", source), "all_tables", error_behavior="retry")
    start = time.monotonic()
    bench.flush(TableBatch("t", rows(1)))
    bench.flush(TableBatch("t", rows(2)))
    wait_until(lambda: len(bench.texts("w")) == 3)
    assert calls(bench) == [[("t", rows(1))], [("t", rows(1))], [("t", rows(2))]]
    assert time.monotonic() - start > 0.9


def test_stopping_interrupts_the_pause_before_a_retry(bench: Bench) -> None:
    key = bench.trigger("w", bench.plugin("w.py", "1 / 0"), "all_tables", error_behavior="retry")
    bench.flush(TableBatch("t", rows(1)))
    wait_until(lambda: bench.texts("w", "ERROR"))
    start = time.monotonic()
    bench.do(bench.runner.stop_trigger(key))
    assert time.monotonic() - start < 0.5


@pytest.mark.parametrize("run_async", [False, True])
def test_disable_logs_the_error_stops_the_trigger_and_tells_the_server(bench: Bench, run_async: bool) -> None:
    source = SHOW + "    raise ValueError('x')\n"
    settings = {"error_behavior": "disable", "run_async": run_async}
    key = bench.trigger("w", bench.plugin("w.py", source), "all_tables", **settings)  # type: ignore[arg-type]
    bench.flush(TableBatch("t", rows(1)))
    wait_until(lambda: bench.host.disabled == [key])
    assert bench.texts("w", "ERROR")[0] == "error executing wal plugin: ValueError: x"
    bench.flush(TableBatch("t", rows(2)))
    time.sleep(0.1)
    assert len(bench.texts("w")) == 1


def test_what_a_wal_plugin_writes_goes_to_its_database(bench: Bench) -> None:
    source = (
        "def process_writes(influxdb3_local, table_batches, args=None):\n"
        "    influxdb3_local.write(LineBuilder('seen').int64_field('n', len(table_batches)))\n"
    )
    bench.trigger("w", bench.plugin("w.py", source), "all_tables")
    bench.flush(TableBatch("t", rows(1)))
    wait_until(lambda: bench.host.writes == [("d", "seen n=1i", True)])
