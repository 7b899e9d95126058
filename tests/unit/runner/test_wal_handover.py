"""Stops and swaps of WAL triggers: each write is seen once, by the old trigger or the new one."""

from __future__ import annotations

import json
import time

from runner_bench import Bench, wait_until

from influxdb3_embedded.model import Row, TableBatch, TriggerKey

SHOW = """\
import json, time
def process_writes(influxdb3_local, table_batches, args=None):
    time.sleep(float((args or {}).get("seconds", 0)))
    influxdb3_local.info(json.dumps([row["v"] for batch in table_batches for row in batch["rows"]]))
"""
AS_LONG_AS_A_SERVERS_FLUSH = 1.0


def rows(*values: int) -> list[Row]:
    return [{"v": value, "time": value} for value in values]


def start(bench: Bench, name: str, **arguments: str) -> TriggerKey:
    return bench.trigger(name, bench.plugin("w.py", SHOW), "table:t", arguments=arguments or None)


def write(bench: Bench, *values: int) -> None:
    for value in values:
        bench.flush(TableBatch("t", rows(value)))


def disable(bench: Bench, key: TriggerKey) -> None:
    bench.do(bench.runner.finish_trigger(key))
    bench.do(bench.runner.stop_trigger(key))


def seen(bench: Bench, name: str) -> list[int]:
    return [value for text in bench.texts(name) if text.startswith("[") for value in json.loads(text)]


def test_a_trigger_that_is_disabled_sees_first_what_was_written_before_in_one_more_call(bench: Bench) -> None:
    key = start(bench, "w", seconds="0.05")
    write(bench, *range(50))
    disable(bench, key)
    assert seen(bench, "w") == list(range(50))
    assert len(bench.texts("w")) <= 4
    write(bench, 50)
    time.sleep(0.2)
    assert seen(bench, "w") == list(range(50))


def test_overlapping_runs_end_before_a_trigger_is_disabled(bench: Bench) -> None:
    key = bench.trigger("w", bench.plugin("w.py", SHOW), "table:t", run_async=True, arguments={"seconds": "0.1"})
    write(bench, 1, 2)
    disable(bench, key)
    assert sorted(seen(bench, "w")) == [1, 2]


def test_a_trigger_whose_disabling_failed_continues(bench: Bench) -> None:
    key = start(bench, "w")
    bench.do(bench.runner.finish_trigger(key))
    write(bench, 1)
    time.sleep(0.2)
    assert seen(bench, "w") == []
    bench._loop.call_soon_threadsafe(bench.runner.go_on, key)
    write(bench, 2)
    wait_until(lambda: seen(bench, "w") == [1, 2])


def test_each_write_is_seen_by_the_old_trigger_or_by_the_one_that_takes_its_place(bench: Bench) -> None:
    old = start(bench, "old", seconds="0.05")
    write(bench, *range(10))
    new = start(bench, "new")
    write(bench, *range(10, 20))
    disable(bench, old)
    write(bench, 20)
    wait_until(lambda: seen(bench, "new")[-1:] == [20])
    assert [seen(bench, "old"), seen(bench, "new")] == [list(range(10)), list(range(10, 21))]
    disable(bench, new)


def test_a_run_that_takes_long_ends_before_its_trigger_leaves_its_place_to_another(bench: Bench) -> None:
    old = start(bench, "old", seconds="1.5")
    write(bench, 1)
    wait_until(lambda: bench.rows("old"))
    write(bench, 2)
    start(bench, "new")
    write(bench, 3)
    disable(bench, old)
    wait_until(lambda: seen(bench, "new") == [3])
    assert seen(bench, "old") == [1, 2]


def test_several_triggers_may_take_the_places_of_others_at_once(bench: Bench) -> None:
    old = [start(bench, f"old{number}") for number in range(3)]
    time.sleep(AS_LONG_AS_A_SERVERS_FLUSH + 0.1)
    write(bench, 1)
    wait_until(lambda: all(seen(bench, key.name) == [1] for key in old))
    for number in range(3):
        start(bench, f"new{number}")
        write(bench, 2 + number)
    for key in old:
        disable(bench, key)
    write(bench, 5)
    wait_until(lambda: all(seen(bench, f"new{number}") == [2, 3, 4, 5] for number in range(3)))
    assert all(seen(bench, key.name) == [1] for key in old)


def test_another_trigger_that_is_stopped_meanwhile_takes_nothing_from_a_pair(bench: Bench) -> None:
    old, other = start(bench, "old"), start(bench, "other")
    time.sleep(AS_LONG_AS_A_SERVERS_FLUSH + 0.1)
    start(bench, "new")
    write(bench, 1)
    bench.do(bench.runner.stop_trigger(other))
    write(bench, 2)
    disable(bench, old)
    wait_until(lambda: seen(bench, "new") == [1, 2])
    assert seen(bench, "old") == []


def test_flushes_are_held_no_longer_than_the_real_server_takes_for_a_flush(bench: Bench) -> None:
    start(bench, "old")
    start(bench, "new")
    began = time.monotonic()
    write(bench, 1)
    wait_until(lambda: seen(bench, "old") == seen(bench, "new") == [1])
    assert AS_LONG_AS_A_SERVERS_FLUSH / 2 < time.monotonic() - began < 3 * AS_LONG_AS_A_SERVERS_FLUSH
    began = time.monotonic()
    write(bench, 2)
    wait_until(lambda: seen(bench, "old") == seen(bench, "new") == [1, 2])
    assert time.monotonic() - began < AS_LONG_AS_A_SERVERS_FLUSH / 2


def test_a_trigger_alone_in_its_database_gets_flushes_at_once(bench: Bench) -> None:
    start(bench, "w")
    bench.trigger("w", "w.py", "table:t", database="other")
    began = time.monotonic()
    write(bench, 1)
    wait_until(lambda: seen(bench, "w") == [1])
    assert time.monotonic() - began < AS_LONG_AS_A_SERVERS_FLUSH / 2


def test_the_log_keeps_held_flushes_for_the_trigger_that_joined(bench: Bench) -> None:
    old = start(bench, "old")
    write(bench, 1)
    wait_until(lambda: seen(bench, "old") == [1])
    new = start(bench, "new")
    write(bench, 2, 3)
    # writes to other databases, which let the positions of triggers that have seen all go on
    bench.flush(TableBatch("t", rows(4)), database="other")
    time.sleep(0.4)  # positions are stored meanwhile
    assert (bench.log.stored, bench.log.kept_after) == ({old: 1, new: 1}, 1)
    wait_until(lambda: bench.log.stored == {old: 4, new: 4})
    assert [seen(bench, "old"), seen(bench, "new")] == [[1, 2, 3], [2, 3]]


def test_resumed_triggers_hold_no_flushes(bench: Bench) -> None:
    keys = [start(bench, "one"), start(bench, "two")]
    triggers = [bench.runner._triggers[key].trigger for key in keys]
    for key in keys:
        bench.do(bench.runner.stop_trigger(key))
    bench.log.stored = dict.fromkeys(keys, 0)
    bench.do(bench.runner.resume(triggers))
    assert not bench.runner._wal_triggers.holds("d")
