"""WAL triggers see each acknowledged write: at least once after a crash, otherwise once."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from scenes import RECORD, create, logged, open_gate, running_pid, seen, shut_gate, wait_until, write

from influxdb3_embedded.testing import RunningEngine, start_engine
from influxdb3_engine_api import TransportError

if TYPE_CHECKING:
    from pathlib import Path

SECONDS_TO_STORE_A_POSITION = 1.0


def set_up(engine: RunningEngine) -> None:
    engine.client.create_database("d")
    engine.client.create_plugin_file("record.py", RECORD)
    shut_gate(engine)


def test_undelivered_writes_of_a_killed_engine_are_delivered_after_a_start(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        set_up(engine)
        write(engine.client, 0)
        create(engine.client, "w", "record.py", "table:m")
        write(engine.client, *range(1, 100))
        running_pid(engine.client, "w")
        engine.kill()
    with start_engine(tmp_path) as engine:
        write(engine.client, 100)
        open_gate(engine)
        wait_until(lambda: len(seen(engine.client)) >= 100)
        engine.stop()
    with start_engine(tmp_path) as engine:
        write(engine.client, 101)
        wait_until(lambda: 101 in seen(engine.client))
        assert seen(engine.client) == list(range(1, 102)), "after a clean stop each was delivered once"


def test_after_a_clean_stop_only_the_interrupted_run_is_repeated(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        set_up(engine)
        open_gate(engine)
        create(engine.client, "w", "record.py", "table:m")
        write(engine.client, 1)
        wait_until(lambda: seen(engine.client) == [1])
        shut_gate(engine)
        write(engine.client, 2, 3)
        wait_until(lambda: len(logged(engine.client, "w", containing="pid ")) == 2)
        began = time.monotonic()
        assert engine.stop() == 0
        assert time.monotonic() - began < 5
    with start_engine(tmp_path) as engine:
        open_gate(engine)
        write(engine.client, 4)
        wait_until(lambda: 4 in seen(engine.client))
        assert seen(engine.client) == [1, 2, 3, 4]


def test_a_write_whose_run_failed_is_not_delivered_again_with_the_error_behavior_log(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        set_up(engine)
        open_gate(engine)
        create(engine.client, "w", "record.py", "table:m", fail="yes")
        write(engine.client, 1)
        wait_until(lambda: logged(engine.client, "w", containing="error executing wal plugin"))
        time.sleep(SECONDS_TO_STORE_A_POSITION)
        engine.kill()
    with start_engine(tmp_path) as engine:
        write(engine.client, 2)
        wait_until(lambda: logged(engine.client, "w", containing="error executing wal plugin"))
        assert len(logged(engine.client, "w", containing="pid ")) == 1


def test_a_trigger_that_is_enabled_again_sees_only_new_writes_also_after_a_crash(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        set_up(engine)
        create(engine.client, "w", "record.py", "table:m")
        create(engine.client, "deleted", "record.py", "table:m")
        write(engine.client, 1)
        running_pid(engine.client, "w")
        engine.client.disable_trigger("d", "w")
        engine.client.delete_trigger("d", "deleted", force=True)
        write(engine.client, 2)
        engine.kill()
    with start_engine(tmp_path) as engine:
        write(engine.client, 3)
        engine.client.enable_trigger("d", "w")
        create(engine.client, "deleted", "record.py", "table:m")
        write(engine.client, 4)
        running_pid(engine.client, "w")
        engine.kill()
    with start_engine(tmp_path) as engine:
        open_gate(engine)
        wait_until(lambda: seen(engine.client) and seen(engine.client, "deleted"))
        assert [seen(engine.client), seen(engine.client, "deleted")] == [[4], [4]]


def test_writes_that_waited_for_a_swap_are_delivered_after_a_kill(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        set_up(engine)
        open_gate(engine)
        create(engine.client, "w", "record.py", "table:m")
        write(engine.client, 1)
        wait_until(lambda: seen(engine.client) == [1])
        create(engine.client, "n", "record.py", "table:m")
        write(engine.client, 2, 3)
        engine.kill()
    with start_engine(tmp_path) as engine:
        write(engine.client, 4)
        wait_until(lambda: 4 in seen(engine.client) and 4 in seen(engine.client, "n"))
        assert {2, 3, 4} <= set(seen(engine.client)) <= {1, 2, 3, 4}
        assert seen(engine.client, "n") == [2, 3, 4]


def test_a_trigger_that_is_killed_while_it_is_being_disabled_is_enabled_and_sees_the_rest(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        set_up(engine)
        create(engine.client, "w", "record.py", "table:m")
        write(engine.client, 1, 2)
        running_pid(engine.client, "w")
        disabling = threading.Thread(target=_disable, args=(engine,))
        disabling.start()
        time.sleep(0.2)  # the engine interrupts the run later than this
        engine.kill()
        disabling.join()
    with start_engine(tmp_path) as engine:
        assert [row.disabled for row in engine.client.triggers("d")] == [False]
        open_gate(engine)
        wait_until(lambda: seen(engine.client) == [1, 2])


def _disable(engine: RunningEngine) -> None:
    with suppress(TransportError):
        engine.client.disable_trigger("d", "w")


def test_an_engine_in_memory_delivers_writes_to_a_plugin_that_is_behind(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory") as engine:
        set_up(engine)
        create(engine.client, "w", "record.py", "table:m")
        write(engine.client, *range(150))
        open_gate(engine)
        wait_until(lambda: len(seen(engine.client)) == 150)
        assert seen(engine.client) == list(range(150))
        assert len(logged(engine.client, "w", containing="finished execution")) <= 62
