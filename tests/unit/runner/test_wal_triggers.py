"""WAL triggers: what they are called with, and what a failed run leads to (contract 3.2, 4.4 and 4.6)."""

from __future__ import annotations

import json
import threading
import time

import pytest
from runner_bench import Bench, wait_until

from influxdb3_embedded.model import Row, TableBatch, Trigger, TriggerKey
from influxdb3_engine_api import specification
from influxdb3_engine_api.wire import ErrorBehavior

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


def gated(bench: Bench) -> str:
    """A plugin that begins when the file gate.txt is removed."""
    bench.plugin("gate.txt", "")
    source = "import os, time\nwhile os.path.exists(os.environ['PLUGIN_DIR'] + '/gate.txt'): time.sleep(0.01)\n" + SHOW
    return bench.plugin("w.py", source)


def seen(bench: Bench) -> list[int]:
    return [row["v"] for call in calls(bench) for _, batch in call for row in batch]


def test_sixty_flushes_wait_one_by_one_and_older_ones_are_read_from_the_log_in_one_call(bench: Bench) -> None:
    bench.trigger("w", gated(bench), "all_tables")
    bench.flush(TableBatch("b", rows(0)))
    wait_until(lambda: bench.rows("w"))
    for number in range(1, 200):
        bench.flush(TableBatch("a" if number % 2 else "b", rows(number)))
    (bench.plugins / "gate.txt").unlink()
    wait_until(lambda: len(seen(bench)) == 200)
    first, behind, *one_by_one = calls(bench)
    assert first == [("b", rows(0))]
    assert behind == [("a", rows(*range(1, 140, 2))), ("b", rows(*range(2, 140, 2)))]
    assert one_by_one == [[("a" if number % 2 else "b", rows(number))] for number in range(140, 200)]


def test_rows_that_wait_beyond_fifty_thousand_are_read_from_the_log_ten_thousand_a_call(bench: Bench) -> None:
    source = SHOW.replace("[table_batches, args]", "[[{**b, 'rows': b['rows'][:1]} for b in table_batches], args]")
    gated(bench)
    bench.trigger("w", bench.plugin("w.py", (bench.plugins / "w.py").read_text().replace(SHOW, source)), "table:t")
    bench.flush(TableBatch("t", rows(0)))
    wait_until(lambda: bench.rows("w"))
    for number in range(1, 11):
        bench.flush(TableBatch("other", rows(-1)), TableBatch("t", rows(*[number] * 9_000)))
    (bench.plugins / "gate.txt").unlink()
    wait_until(lambda: seen(bench)[-1:] == [10])
    assert seen(bench) == [0, 1, 3, 5, 6, 7, 8, 9, 10]


def test_positions_are_stored_and_the_log_kept_for_the_slowest(bench: Bench) -> None:
    slow = bench.trigger("slow", gated(bench), "all_tables")
    fast = bench.trigger("fast", bench.plugin("fast.py", SHOW), "all_tables")
    for number in range(1, 6):
        bench.flush(TableBatch("t", rows(number)))
    wait_until(lambda: bench.log.stored == {slow: 0, fast: 5})
    assert bench.log.kept_after == 0
    (bench.plugins / "gate.txt").unlink()
    wait_until(lambda: bench.log.stored == {slow: 5, fast: 5} and bench.log.kept_after == 5)
    bench.do(bench.runner.stop_trigger(slow))
    assert bench.log.stored == {slow: None, fast: 5}


def test_writes_to_other_databases_are_not_kept_for_a_trigger_that_has_seen_all(bench: Bench) -> None:
    key = bench.trigger("w", bench.plugin("w.py", SHOW), "table:t")
    for number in range(1, 4):
        bench.flush(TableBatch("t", rows(number)), database="other")
    wait_until(lambda: bench.log.stored == {key: 3} and bench.log.kept_after == 3)
    bench.flush(TableBatch("t", rows(4)))
    wait_until(lambda: bench.log.stored == {key: 4})
    assert seen(bench) == [4]


def test_overlapping_runs_are_stored_as_far_as_all_have_ended(bench: Bench) -> None:
    source = (
        "import os, time\n"
        "def process_writes(influxdb3_local, table_batches, args=None):\n"
        "    while table_batches[0]['rows'][0]['v'] == 3 and os.path.exists(os.environ['PLUGIN_DIR'] + '/gate.txt'):\n"
        "        time.sleep(0.01)\n"
    )
    bench.plugin("gate.txt", "")
    key = bench.trigger("w", bench.plugin("w.py", source), "all_tables", run_async=True)
    for number in range(1, 6):
        bench.flush(TableBatch("t", rows(number)))
    wait_until(lambda: bench.log.stored == {key: 2})
    (bench.plugins / "gate.txt").unlink()
    wait_until(lambda: bench.log.stored == {key: 5})


def test_a_resumed_trigger_sees_first_what_it_has_missed(bench: Bench) -> None:
    resumed = Trigger(
        "d",
        "w",
        bench.plugin("w.py", SHOW),
        specification.parse("table:t"),
        False,
        ErrorBehavior.LOG,
        None,
        disabled=False,
    )
    for number in range(1, 6):
        bench.flush(TableBatch("t", rows(number)), TableBatch("other", rows(-number)))
    bench.log.stored = {resumed.key: 2, TriggerKey("d", "deleted"): 1}
    bench.do(bench.runner.resume([resumed]))
    bench.flush(TableBatch("t", rows(6)))
    wait_until(lambda: len(seen(bench)) == 4)
    assert calls(bench) == [[("t", rows(3, 4, 5))], [("t", rows(6))]]
    wait_until(lambda: bench.log.stored == {resumed.key: 6, TriggerKey("d", "deleted"): None})


def test_a_trigger_that_is_started_again_begins_now(bench: Bench) -> None:
    key = bench.trigger("w", bench.plugin("w.py", SHOW), "all_tables")
    bench.do(bench.runner.stop_trigger(key))
    bench.flush(TableBatch("t", rows(1)))
    bench.trigger("w", "w.py", "all_tables")
    bench.flush(TableBatch("t", rows(2)))
    wait_until(lambda: seen(bench))
    assert seen(bench) == [2]


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
    wait_until(lambda: bench.backend.disabled == [key])
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
    wait_until(lambda: bench.backend.writes == [("d", "seen n=1i", True)])
