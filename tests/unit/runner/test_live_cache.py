"""The cache keeps objects, not copies (contract 5.5): what a plugin puts is what it gets back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from runner_bench import Bench, is_running, wait_until

from influxdb3_embedded.runner import PluginFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from influxdb3_embedded.runner import PluginResponse

CACHE = "c, g = influxdb3_local.cache, {'use_global': q.get('g') == '1'}\n"
EVERYWHERE = [{"run_async": run_async, "g": g} for run_async in (False, True) for g in ("0", "1")]
COUNTER = """
import threading
class Counter:
    def __init__(self):
        self.n = 0
        self.history = []
    def count(self):
        self.n += 1
        self.history.append(self.n)
        return self.n
class Locked(Counter):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()
    def count(self):
        with self.lock:
            return super().count()
"""


def ids(where: dict[str, Any]) -> str:
    return f"{'run_async' if where['run_async'] else 'ordered'}-{'global' if where['g'] == '1' else 'own'}"


in_every_namespace = pytest.mark.parametrize("where", EVERYWHERE, ids=ids)


def answers(bench: Bench, times: int = 3, path: str = "r", **query: str) -> list[Any]:
    return [json.loads(bench.call(path, b"", **query).body) for _ in range(times)]


def results(calls: list[Future[PluginResponse | None]]) -> list[bytes]:
    responses = [call.result(15) for call in calls]
    return [response.body for response in responses if response is not None]


@in_every_namespace
@pytest.mark.parametrize(
    ("made", "change", "expected"),
    [
        ("[]", "v.append(1); n = len(v)", [1, 2, 3]),
        ("{'a': {'b': []}}", "v['a']['b'].append(1); n = len(v['a']['b'])", [1, 2, 3]),
        ("Counter()", "n = v.count() + len(v.history)", [2, 4, 6]),
        ("Locked()", "n = v.count()", [1, 2, 3]),
        ("threading.Lock()", "n = v.acquire(blocking=False)", [True, False, False]),
        ("(i for i in range(9))", "n = next(v)", [0, 1, 2]),
        ("open(__import__('os').__file__)", "n = v.tell(); v.readline()", [0, "moved", "moved"]),
        ("(lambda kept: lambda: kept.append(1) or len(kept))([])", "n = v()", [1, 2, 3]),
        ("__import__('itertools').count(5)", "n = next(v)", [5, 6, 7]),
        ("__import__('sqlite3').connect(':memory:', check_same_thread=False)", "n = v.total_changes", [0, 0, 0]),
    ],
)
def test_get_returns_the_object_that_was_put(
    bench: Bench, where: dict[str, Any], made: str, change: str, expected: list[Any]
) -> None:
    bench.request_plugin(
        f"{CACHE}v = c.get('v', **g)\nif v is None:\n    v = {made}\n    c.put('v', v, 600, **g)\n"
        f"{change}\nreturn {{'n': n}}",
        before=COUNTER,
        run_async=where["run_async"],
    )
    found = [answer["n"] for answer in answers(bench, g=where["g"])]
    assert ["moved" if isinstance(n, int) and n > 20 else n for n in found] == expected


@in_every_namespace
def test_a_value_is_the_same_object_within_a_run(bench: Bench, where: dict[str, Any]) -> None:
    bench.request_plugin(
        f"{CACHE}v = [1]\nc.put('v', v, **g)\nv.append(2)\nreturn [c.get('v', **g) is v, c.get('v', **g)]",
        run_async=where["run_async"],
    )
    assert answers(bench, 1, g=where["g"]) == [[True, [1, 2]]]


@in_every_namespace
def test_an_expired_value_stays_expired_when_it_is_changed(bench: Bench, where: dict[str, Any]) -> None:
    bench.request_plugin(
        f"import time\n{CACHE}"
        "if q.get('first'):\n    v = [1]\n    c.put('v', v, 0.1, **g)\n    v.append(2)\n    time.sleep(0.15)\n"
        "    v.append(3)\nreturn [c.get('v', 'gone', **g)]",
        run_async=where["run_async"],
    )
    assert answers(bench, 1, g=where["g"], first="1") == [["gone"]]
    assert answers(bench, 1, g=where["g"]) == [["gone"]]


@in_every_namespace
def test_changes_do_not_prolong_the_life_of_a_value(bench: Bench, where: dict[str, Any]) -> None:
    bench.request_plugin(
        f"import time\n{CACHE}v = c.get('v', **g)\nif v is None and q.get('first'):\n    v = []\n"
        "    c.put('v', v, 0.3, **g)\nif v is None: return ['gone']\nv.append(1)\nreturn v",
        run_async=where["run_async"],
    )
    assert answers(bench, 1, g=where["g"], first="1") == [[1]]
    assert answers(bench, 1, g=where["g"]) == [[1, 1]]
    wait_until(lambda: answers(bench, 1, g=where["g"]) == [["gone"]])


@in_every_namespace
def test_a_deleted_value_stays_deleted_when_it_is_changed(bench: Bench, where: dict[str, Any]) -> None:
    bench.request_plugin(
        f"{CACHE}v = [1]\nif q.get('first'):\n    c.put('v', v, **g)\n    v.append(2)\n"
        "    deleted = [c.delete('v', **g), c.delete('v', **g)]\n    v.append(3)\n    return deleted\n"
        "return [c.get('v', 'gone', **g)]",
        run_async=where["run_async"],
    )
    assert answers(bench, 1, g=where["g"], first="1") == [[True, False]]
    assert answers(bench, 1, g=where["g"]) == [["gone"]]


@in_every_namespace
def test_a_change_stays_when_the_run_fails_later(bench: Bench, where: dict[str, Any]) -> None:
    bench.request_plugin(
        f"{CACHE}v = c.get('v', **g)\nif v is None:\n    v = []\n    c.put('v', v, **g)\nv.append(1)\n"
        "if q.get('fail'): 1 / 0\nreturn v",
        run_async=where["run_async"],
    )
    with pytest.raises(PluginFailed):
        bench.call(g=where["g"], fail="1")
    assert answers(bench, 1, g=where["g"]) == [[1, 1]]


@pytest.mark.parametrize("run_async", [False, True])
def test_other_triggers_see_changes_of_a_global_value(bench: Bench, run_async: bool) -> None:
    body = (
        "c = influxdb3_local.cache\nv = c.get('v', use_global=True)\n"
        "if v is None:\n    v = Counter()\n    c.put('v', v, use_global=True)\nv.count()\nreturn [v.n, v.history]"
    )
    bench.request_plugin(body, name="one", before=COUNTER)
    bench.request_plugin(body, name="two", before=COUNTER, run_async=run_async)
    seen = [json.loads(bench.call(path).body)[0] for path in ("one", "two", "two", "one", "one", "two")]
    assert seen == [1, 2, 3, 4, 5, 6]
    assert json.loads(bench.call("one").body) == [7, [1, 2, 3, 4, 5, 6, 7]]
    assert bench.texts("one", "WARN") == bench.texts("two", "WARN") == []


def test_reading_a_global_value_does_not_undo_the_change_of_another_trigger(bench: Bench) -> None:
    bench.request_plugin(
        "import time\nc = influxdb3_local.cache\nv = c.get('v', {'n': 0, 's': {'x', 'y'}}, use_global=True)\n"
        "influxdb3_local.info('read')\nwhile not c.get('go', use_global=True): time.sleep(0.005)\nreturn [v['n']]",
        name="reader",
    )
    bench.request_plugin(
        "c = influxdb3_local.cache\nv = c.get('v', use_global=True)\n"
        "if v is None:\n    v = {'n': 0, 's': {'x', 'y'}}\n    c.put('v', v, use_global=True)\n"
        "v['n'] += 1\nif q.get('go'): c.put('go', True, use_global=True)\nreturn [v['n']]",
        name="writer",
    )
    bench.call("writer")
    reading = bench.begin_call("reader")
    wait_until(lambda: "read" in bench.texts("reader"))
    assert answers(bench, 1, "writer", go="1") == [[2]]
    assert results([reading]) == [b"[1]"]
    assert answers(bench, 1, "writer") == [[3]]
    assert bench.texts("reader", "WARN") == []


def test_one_of_two_simultaneous_changes_is_kept_and_the_other_is_logged(bench: Bench) -> None:
    body = (
        "import time\nc = influxdb3_local.cache\n"
        "if q.get('put'): c.put('v', [], use_global=True)\n"
        "v = c.get('v', use_global=True)\nv.append(args['me'])\ninfluxdb3_local.info('changed')\n"
        "while q.get('wait') and not c.get('go', use_global=True): time.sleep(0.005)\n"
        "if q.get('go'): c.put('go', True, use_global=True)\nreturn v"
    )
    bench.request_plugin(body, name="one", arguments={"me": "one"})
    bench.request_plugin(body, name="two", arguments={"me": "two"})
    late = bench.begin_call("one", put="1", wait="1")
    wait_until(lambda: bench.texts("one"))
    bench.call("two")
    bench.call("two", go="1")
    results([late])

    assert answers(bench, 1, "two") == [["two", "two", "two"]]
    assert bench.texts("one", "WARN") == [
        "global cache: the value of 'v' was changed by another trigger at the same time: the change of this run is lost"
    ]


def test_other_triggers_do_not_find_a_value_that_cannot_be_pickled_and_the_log_says_why(bench: Bench) -> None:
    put = "import threading\ninfluxdb3_local.cache.put('lock', threading.Lock(), use_global=True)\nreturn ''"
    get = "return [influxdb3_local.cache.get('lock', 'none', use_global=True) == 'none']"
    bench.request_plugin(f"if q.get('put'):\n    {'; '.join(put.splitlines()[:2])}\n{get}", name="one")
    bench.request_plugin(get, name="two")
    assert [*answers(bench, 1, "one", put="1"), *answers(bench, 2, "two"), *answers(bench, 1, "one")] == [
        [False],
        [True],
        [True],
        [False],
    ]
    assert bench.texts("two", "WARN") == [
        "global cache: the value of 'lock' stays with trigger one: TypeError: cannot pickle '_thread.lock' object"
    ]


def test_a_global_value_that_stops_being_picklable_stays_with_the_trigger_that_changed_it(bench: Bench) -> None:
    bench.request_plugin(
        "import threading\nc = influxdb3_local.cache\n"
        "if q.get('put'): c.put('v', {}, use_global=True)\n"
        "v = c.get('v', use_global=True)\nif q.get('lock'): v['lock'] = threading.Lock()\n"
        "return [None if v is None else len(v)]",
        name="one",
    )
    bench.request_plugin("return [influxdb3_local.cache.get('v', use_global=True)]", name="two")
    bench.call("one", put="1")
    assert answers(bench, 1, "two") == [[{}]]
    bench.call("one", lock="1")
    assert [*answers(bench, 2, "one"), *answers(bench, 1, "two")] == [[1], [1], [None]]


def test_a_global_value_outlives_the_trigger_that_put_it_if_it_can_be_pickled(bench: Bench) -> None:
    key = bench.request_plugin(
        "import threading\nfor name, value in {'a': [1], 'b': threading.Lock()}.items():\n"
        "    influxdb3_local.cache.put(name, value, use_global=True)\nreturn ''",
        name="one",
    )
    bench.request_plugin("return [influxdb3_local.cache.get(n, use_global=True) for n in 'ab']", name="two")
    bench.call("one")
    bench.do(bench.runner.stop_trigger(key))
    assert answers(bench, 1, "two") == [[[1], None]]


def test_a_global_object_shares_what_is_in_its_closure(bench: Bench) -> None:
    bench.request_plugin(
        "c = influxdb3_local.cache\n"
        "if q.get('first'):\n    v = []\n    class Appender:\n"
        "        def __init__(self): self.append = lambda: v.append(1)\n"
        "    c.put('v', v, use_global=True)\n    c.put('appender', Appender(), use_global=True)\n    return []\n"
        "c.get('appender', use_global=True).append()\nreturn c.get('v', use_global=True)",
        name="one",
    )
    bench.request_plugin("return influxdb3_local.cache.get('v', use_global=True)", name="two")
    bench.call("one", first="1")
    assert [*answers(bench, 2, "one"), *answers(bench, 1, "two")] == [[1], [1, 1], [1, 1]]


def test_line_builders_can_be_kept(bench: Bench) -> None:
    body = (
        "c = influxdb3_local.cache\nb = c.get('b', use_global=True) or LineBuilder('m')\n"
        "c.put('b', b.int64_field('f', 1), use_global=True)\nreturn [isinstance(b, LineBuilder), b.build()]"
    )
    bench.request_plugin(body, name="one")
    bench.request_plugin(body, name="two")
    assert [*answers(bench, 1, "one"), *answers(bench, 1, "two")] == [[True, "m f=1i"]] * 2


# runs that overlap


def test_overlapping_runs_share_objects(bench: Bench) -> None:
    bench.request_plugin(
        "import time\nc = influxdb3_local.cache\n"
        "if q.get('first'): c.put('v', Locked())\n"
        "v = c.get('v')\nn = v.count()\nwhile v.n < 9: time.sleep(0.005)\nreturn [n]",
        before=COUNTER,
        run_async=True,
    )
    first = bench.begin_call(first="1")
    wait_until(lambda: len(bench.rows()) == 1)
    calls = [bench.begin_call() for _ in range(7)]
    assert not first.done()
    calls.append(bench.begin_call())
    numbers = [json.loads(body)[0] for body in results([first, *calls])]
    assert sorted(numbers) == list(range(1, 10))


@pytest.mark.parametrize("g", ["0", "1"])
def test_overlapping_runs_lose_no_change(bench: Bench, g: str) -> None:
    bench.request_plugin(
        f"import time\n{CACHE}v = c.get('v', **g)\nif q.get('first'): c.put('v', [], **g); return ''\n"
        "if q.get('count'): return [len(v)]\nfor _ in range(20): v.append(1); time.sleep(0.001)\nreturn ''",
        run_async=True,
    )
    bench.call(g=g, first="1")
    results([bench.begin_call(g=g) for _ in range(16)])
    assert answers(bench, 1, g=g, count="1") == [[320]]
    assert bench.texts(level="WARN") == []


def test_overlapping_runs_of_a_package_share_its_modules(bench: Bench) -> None:
    bench.plugin("p/__init__.py", "from .code import process_request")
    bench.plugin(
        "p/code.py",
        "import threading, time\nwaiting = []\n"
        "def process_request(influxdb3_local, q, h, b, args=None):\n"
        "    waiting.append(1)\n    while len(waiting) < 4: time.sleep(0.005)\n    return [len(waiting)]\n",
    )
    bench.trigger("p", "p", "request:p", run_async=True)
    assert results([bench.begin_call("p") for _ in range(4)]) == [b"[4]"] * 4


def test_overlapping_runs_without_shared_objects_have_their_own_processes(bench: Bench) -> None:
    bench.request_plugin(
        "import os, time\nif q.get('crash'): os._exit(3)\ninfluxdb3_local.info('in')\ntime.sleep(0.3)\nreturn 'fine'",
        run_async=True,
    )
    slow = bench.begin_call()
    wait_until(bench.texts)
    with pytest.raises(PluginFailed, match="plugin process exited with status 3"):
        bench.call(crash="1")
    assert results([slow]) == [b"fine"]


def test_a_plugin_that_begins_to_use_the_cache_shares_objects_from_then_on(bench: Bench) -> None:
    bench.request_plugin("return [0]", run_async=True)
    assert answers(bench, 1) == [[0]]
    bench.plugin(
        "r.py",
        "def process_request(influxdb3_local, q, h, b, args=None):\n"
        "    v = influxdb3_local.cache.get('v') or []\n    v.append(1)\n    influxdb3_local.cache.put('v', v)\n"
        "    return [len(v), v is influxdb3_local.cache.get('v')]\n",
    )
    assert answers(bench) == [[1, True], [2, True], [3, True]]


def test_objects_of_overlapping_runs_move_to_a_new_process_when_the_environment_changes(bench: Bench) -> None:
    bench.request_plugin(
        "import os\nv = influxdb3_local.cache.get('v') or Counter()\ninfluxdb3_local.cache.put('v', v)\n"
        "return [v.count(), os.getpid()]",
        before=COUNTER,
        run_async=True,
    )
    ((before, old),) = answers(bench, 1)
    bench.environment._generation += 1  # what an installation does
    ((after, new),) = answers(bench, 1)
    assert (before, after) == (1, 2)
    assert old != new
    wait_until(lambda: not is_running(old))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_overlapping_runs_can_use_pools_of_processes(bench: Bench, method: str) -> None:
    bench.request_plugin(
        "import multiprocessing\ninfluxdb3_local.cache.get('v')\n"
        f"with multiprocessing.get_context('{method}').Pool(2) as pool: return pool.map(abs, [-1, -2, -3])",
        run_async=True,
    )
    assert results([bench.begin_call() for _ in range(2)]) == [b"[1, 2, 3]"] * 2


@pytest.fixture
def limited(tmp_path: Path, environment_location: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, environment_location, time_limit=1.5)
    yield bench
    bench.close()


LOOPS = [
    "while True: pass",
    "import time; time.sleep(600)",
    "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
]


@pytest.mark.parametrize("loop", LOOPS)
def test_an_overlapping_run_that_loops_harms_no_other_run(limited: Bench, loop: str) -> None:
    body = "\n    ".join(loop.splitlines())
    limited.request_plugin(
        "import time\nc = influxdb3_local.cache\nc.put('v', [*c.get('v', []), 1])\n"
        f"if q.get('loop'):\n    influxdb3_local.info('in')\n    {body}\n"
        "if q.get('slow'): time.sleep(1)\nreturn [len(c.get('v'))]",
        run_async=True,
    )
    assert answers(limited, 1) == [[1]]
    loops = limited.begin_call(loop="1")
    wait_until(limited.texts)
    slow = [limited.begin_call(slow="1") for _ in range(2)]
    with pytest.raises(PluginFailed, match=r"plugin run exceeded its time limit of 1\.5 s"):
        loops.result(15)
    assert len(results(slow)) == 2
    assert answers(limited, 1) == [[5]]


def test_processes_of_an_abandoned_run_end(limited: Bench) -> None:
    limited.request_plugin(
        "import os, time\ninfluxdb3_local.cache.put('v', 1)\ninfluxdb3_local.info(os.getpid())\ntime.sleep(600)",
        run_async=True,
    )
    with pytest.raises(PluginFailed):
        limited.call()
    wait_until(lambda: not is_running(int(limited.texts()[0])))


@pytest.mark.parametrize("loop", LOOPS)
def test_stopping_ends_overlapping_runs_within_a_second(bench: Bench, loop: str) -> None:
    key = bench.request_plugin(
        "import os\ninfluxdb3_local.cache.get('v')\ninfluxdb3_local.info(os.getpid())\n" + loop, run_async=True
    )
    calls = [bench.begin_call() for _ in range(4)]
    wait_until(lambda: len(bench.texts()) == 4)
    bench.begin(bench.runner.stop_trigger(key)).result(1.5)
    for call in calls:
        with pytest.raises(PluginFailed, match="request handler for trigger down"):
            call.result(1)
    (pid,) = set(bench.texts())
    wait_until(lambda: not is_running(int(pid)))


def test_an_overlapping_run_that_is_interrupted_can_clean_up(bench: Bench) -> None:
    key = bench.request_plugin(
        "influxdb3_local.cache.get('v')\n"
        "try:\n    influxdb3_local.info('running')\n    while True: pass\n"
        "except KeyboardInterrupt as error: influxdb3_local.warn('cleaned up after', error)",
        run_async=True,
    )
    bench.begin_call()
    wait_until(bench.texts)
    bench.do(bench.runner.stop_trigger(key))
    assert "cleaned up after influxdb3 is shutting down; aborting plugin execution" in bench.texts(level="WARN")


def test_a_process_that_ends_under_overlapping_runs_fails_them_and_the_next_one_works(bench: Bench) -> None:
    bench.request_plugin(
        "import os, time\ninfluxdb3_local.cache.get('v')\nif q.get('crash'): os._exit(3)\n"
        "influxdb3_local.info('in')\nif q.get('slow'): time.sleep(600)\nreturn 'fine'",
        run_async=True,
    )
    slow = bench.begin_call(slow="1")
    wait_until(bench.texts)
    for call in (bench.begin_call(crash="1"), slow):
        with pytest.raises(PluginFailed, match="plugin process exited with status 3"):
            call.result(15)
    assert bench.call().body == b"fine"


def test_an_overlapping_run_that_closes_its_sockets_fails_and_the_next_one_works(bench: Bench) -> None:
    bench.request_plugin(
        "import os\ninfluxdb3_local.cache.get('v')\nif q.get('close'): os.closerange(3, 100)\nreturn 'fine'",
        run_async=True,
    )
    with pytest.raises(PluginFailed, match="plugin process "):
        bench.call(close="1")
    assert bench.call().body == b"fine"


def test_a_child_that_an_overlapping_run_forks_is_not_taken_for_the_plugin(bench: Bench) -> None:
    bench.request_plugin(
        "import os\ninfluxdb3_local.cache.get('v')\npid = os.fork()\nif pid: os.waitpid(pid, 0)\n"
        "return 'child' if pid == 0 else 'parent'",
        run_async=True,
    )
    assert [bench.call().body for _ in range(3)] == [b"parent"] * 3


def test_overlapping_runs_can_query_and_write_at_the_same_time(bench: Bench) -> None:
    bench.backend.answers["SELECT 1"] = [{"a": 1}]
    bench.request_plugin(
        "influxdb3_local.cache.get('v')\n"
        "for _ in range(20):\n"
        "    assert influxdb3_local.query('SELECT 1') == [{'a': 1}]\n"
        "    influxdb3_local.write_sync(LineBuilder('m').string_field('f', b.decode()), True)\n"
        "return b.decode()",
        run_async=True,
    )
    calls = [bench.begin_call(body=b"%d" % number) for number in range(8)]
    assert results(calls) == [b"%d" % number for number in range(8)]
    assert len(bench.backend.writes) == 160
