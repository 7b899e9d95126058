"""Triggers on a schedule (contract 2.2 to 2.4, 3.2)."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from runner_bench import Bench, wait_until

SHOW = """\
def process_scheduled_call(influxdb3_local, call_time, args=None):
    influxdb3_local.info(type(call_time).__name__, call_time.tzinfo, call_time.microsecond, call_time.timestamp(), args)
"""
START = re.compile(r"starting execution with scheduled time (.*) UTC")


def slots(bench: Bench) -> list[datetime]:
    """The nominal times of the runs that were started."""
    found = [START.fullmatch(text) for _, text in bench.rows("s")]
    return [datetime.fromisoformat(match[1]).replace(tzinfo=UTC) for match in found if match]


def test_a_plugin_gets_its_nominal_time_without_a_zone(bench: Bench) -> None:
    bench.trigger("s", bench.plugin("s.py", SHOW), "cron:* * * * * *", arguments={"k": "v"})
    wait_until(lambda: bench.texts("s"))
    assert bench.texts("s")[0] == f"datetime None 0 {slots(bench)[0].timestamp()} {{'k': 'v'}}"
    assert abs(slots(bench)[0].timestamp() - time.time()) < 5


def test_intervals_start_at_their_multiples(bench: Bench) -> None:
    bench.trigger("s", bench.plugin("s.py", SHOW), "every:2s")
    wait_until(lambda: len(bench.texts("s")) == 2)
    first, second = slots(bench)[:2]
    assert first.timestamp() % 2 == 0
    assert (second - first).total_seconds() == 2


def test_missed_runs_follow_each_other_with_their_nominal_times(bench: Bench) -> None:
    source = "import time\ndef process_scheduled_call(influxdb3_local, call_time, args=None):\n" + (
        "    if influxdb3_local.cache.get('slept') is None:\n"
        "        influxdb3_local.cache.put('slept', 1)\n        time.sleep(2.2)\n"
    )
    bench.trigger("s", bench.plugin("s.py", source), "every:1s")
    wait_until(lambda: len(slots(bench)) >= 4)
    seconds = [slot.timestamp() for slot in slots(bench)[:4]]
    assert seconds == [seconds[0] + number for number in range(4)]


def test_runs_of_an_asynchronous_trigger_do_not_wait_for_each_other(bench: Bench) -> None:
    source = "import time\ndef process_scheduled_call(influxdb3_local, call_time, args=None):\n    time.sleep(600)\n"
    bench.trigger("s", bench.plugin("s.py", source), "every:500ms", run_async=True)
    wait_until(lambda: len(slots(bench)) >= 3)


def test_a_failed_run_logs_two_error_rows_as_the_real_server_does(bench: Bench) -> None:
    bench.trigger("s", bench.plugin("s.py", "1 / 0"), "every:100ms")
    bench.trigger("a", bench.plugin("a.py", "1 / 0"), "every:100ms", run_async=True)
    wait_until(lambda: len(bench.texts("s", "ERROR")) > 2 and len(bench.texts("a", "ERROR")) > 2)
    cause = "plugin: ZeroDivisionError: division by zero"
    assert bench.texts("s", "ERROR")[:2] == [f"error executing schedule {cause}", f"error running scheduled {cause}"]
    assert bench.texts("a", "ERROR")[:2] == [
        f"error executing schedule {cause}",
        f"error running async scheduled {cause}",
    ]


def test_an_expression_that_never_matches_never_runs(bench: Bench) -> None:
    key = bench.trigger("s", bench.plugin("s.py", SHOW), "cron:0 0 0 31 2 *")
    time.sleep(0.1)
    assert bench.rows("s") == []
    bench.do(bench.runner.stop_trigger(key))


def test_disable_stops_the_schedule(bench: Bench) -> None:
    key = bench.trigger("s", bench.plugin("s.py", "1 / 0"), "every:100ms", error_behavior="disable")
    wait_until(lambda: bench.backend.disabled == [key])
    time.sleep(0.3)
    assert len(slots(bench)) == 1
