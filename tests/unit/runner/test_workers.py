"""How long worker processes are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from runner_bench import is_running, wait_until

if TYPE_CHECKING:
    from runner_bench import Bench

PID = "import os\nreturn str(os.getpid())"


@pytest.fixture
def impatient(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr("influxdb3_embedded.runner.processes.idle_workers._MAX_TIME", 0.1)
    return bench


def test_a_worker_is_used_again(bench: Bench) -> None:
    bench.request_plugin(PID)
    assert bench.call().body == bench.call().body


def test_an_idle_worker_without_a_state_is_ended(impatient: Bench) -> None:
    impatient.request_plugin(PID)
    first = impatient.call().body
    wait_until(lambda: not is_running(int(first)))
    assert impatient.call().body != first


@pytest.mark.parametrize(
    "state",
    [
        "influxdb3_local.cache.put('a', 1)",
        "import threading, time; threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
    ],
)
def test_an_idle_worker_with_a_state_is_kept(impatient: Bench, state: str) -> None:
    impatient.request_plugin(f"import os\nif q: {state}\nreturn str(os.getpid())", name="stateful")
    impatient.request_plugin(PID, name="stateless")
    first = impatient.call("stateful", with_state="1").body
    stateless = impatient.call("stateless").body
    wait_until(lambda: not is_running(int(stateless)))
    assert impatient.call("stateful").body == first


def test_the_workers_idle_longest_are_ended_if_there_are_too_many(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("influxdb3_embedded.runner.processes.idle_workers._MAX_WORKERS", 2)
    names = ["a", "b", "c", "d"]
    for name in names:
        bench.request_plugin(PID, name=name)
    pids = {name: int(bench.call(name).body) for name in names}
    wait_until(lambda: not is_running(pids["a"]) and not is_running(pids["b"]))
    assert [int(bench.call(name).body) == pids[name] for name in ("c", "d", "a")] == [True, True, False]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_plugin_can_use_a_pool_of_processes(bench: Bench, method: str) -> None:
    bench.request_plugin(
        "import multiprocessing\n"
        f"with multiprocessing.get_context('{method}').Pool(2) as pool: return pool.map(abs, [-1, -2, -3])"
    )
    assert bench.call().body == b"[1, 2, 3]"
