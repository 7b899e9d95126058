"""Queries that never end or take all memory, and engines that are stopped or killed while queries run."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from process_tree import process_tree
from scenes import create, is_running, logged, running_pid, wait_until, write

from influxdb3_embedded.testing import RunningEngine, start_engine
from influxdb3_engine_api import BadRequest, paths

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS_TO_STOP = 10
ROWS = 100_000
ENDLESS = "SELECT count(*) AS n FROM big a, big b WHERE a.v + b.v < 0"

QUERY = f"""\
import os
def ask(influxdb3_local):
    influxdb3_local.info(f"pid {{os.getpid()}}")
    try:
        influxdb3_local.query("{ENDLESS}")
    except Exception as error:
        influxdb3_local.info(f"failed: {{error}}")
        raise
def process_writes(influxdb3_local, table_batches, args=None): ask(influxdb3_local)
def process_scheduled_call(influxdb3_local, call_time, args=None): ask(influxdb3_local)
def process_request(influxdb3_local, query, headers, body, args=None): ask(influxdb3_local)
"""
STUBBORN = """\
import os, signal, time
def process_request(influxdb3_local, query, headers, body, args=None):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    influxdb3_local.info(f"pid {os.getpid()}")
    while True:
        try:
            time.sleep(1)
        except BaseException:
            pass
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RunningEngine]:
    with filled_engine(tmp_path) as running:
        yield running


@contextmanager
def filled_engine(directory: Path, **settings: Any) -> Iterator[RunningEngine]:
    with start_engine(directory, **settings) as running:
        running.client.create_database("d")
        running.client.write_lp("d", "\n".join(f"big v={at} {at}" for at in range(ROWS)), precision="nanosecond")
        for name, source in {"query": QUERY, "stubborn": STUBBORN}.items():
            running.client.create_plugin_file(f"{name}.py", source)
        yield running


def descendants(pid: int) -> dict[int, str]:
    """The descendants of a process, with their command lines."""
    found: dict[int, str] = {}
    for descendant in process_tree(pid)[1:]:
        with suppress(FileNotFoundError, ProcessLookupError):  # it ends meanwhile
            found[descendant] = Path(f"/proc/{descendant}/cmdline").read_bytes().decode(errors="replace")
    return found


def busy(engine: RunningEngine, count: int = 1) -> list[int]:
    """Processes of queries that have used processor time. Waits until there are ``count``."""
    found: list[int] = []

    def look() -> bool:
        found[:] = [
            pid
            for pid, command in descendants(engine.pid).items()
            if "sql.processes.zygote" in command and is_running(pid) and niceness(pid) > 0
        ]
        return len(found) >= count

    wait_until(look)
    return found


def niceness(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[16])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def path_of(sql: str) -> str:
    return f"{paths.QUERY_SQL}?db=d&q={quote(sql)}"


def send(engine: RunningEngine, request: str, body: bytes = b"") -> socket.socket:
    """Send a request and do not wait for its answer."""
    url = urlsplit(engine.url)
    connection = socket.create_connection((url.hostname, url.port))
    headers = f"Host: {url.netloc}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    connection.sendall(f"{request} HTTP/1.1\r\n{headers}\r\n\r\n".encode() + body)
    return connection


REQUESTS = {
    "GET": (f"GET {path_of(ENDLESS)}", b""),
    "POST": (f"POST {paths.QUERY_SQL}", json.dumps({"db": "d", "q": ENDLESS}).encode()),
    "dry run of writes": (
        f"POST {paths.PLUGIN_TEST_WAL}",
        b'{"filename": "query.py", "database": "d", "input_lp": "m v=1"}',
    ),
    "dry run of a schedule": (f"POST {paths.PLUGIN_TEST_SCHEDULE}", b'{"filename": "query.py", "database": "d"}'),
}


@pytest.mark.parametrize("how", REQUESTS)
def test_a_query_ends_when_its_client_disconnects(engine: RunningEngine, how: str) -> None:
    connection = send(engine, *REQUESTS[how])
    running = busy(engine)
    connection.close()
    wait_until(lambda: not any(map(is_running, running)))
    assert engine.client.query_sql("d", "SELECT count(*) AS n FROM big") == [{"n": ROWS}]


def test_a_query_that_waits_for_its_turn_ends_when_its_client_disconnects(engine: RunningEngine) -> None:
    connections = [send(engine, *REQUESTS["GET"]) for _ in range(40)]
    busy(engine, 8)
    for connection in connections:
        connection.close()
    wait_until(lambda: not any(niceness(pid) for pid in descendants(engine.pid)))


@pytest.mark.parametrize("how", ["disabled", "deleted", "killed"])
def test_a_query_ends_with_the_run_that_asked_it(engine: RunningEngine, how: str) -> None:
    create(engine.client, "w", "query.py", "table:m")
    write(engine.client, 1)
    plugin, running = running_pid(engine.client, "w"), busy(engine)
    if how == "disabled":
        engine.client.disable_trigger("d", "w")
    elif how == "deleted":
        engine.client.delete_trigger("d", "w", force=True)
    else:
        os.kill(plugin, signal.SIGKILL)
    wait_until(lambda: not any(map(is_running, running)))


def test_a_query_ends_after_its_time_limit_for_clients_and_plugins(tmp_path: Path) -> None:
    text = "Resources exhausted: the query would take more time than queries may have: 0.7 s (--query-timeout)"
    with filled_engine(tmp_path, query_timeout=0.7) as engine:
        began = time.monotonic()
        with pytest.raises(BadRequest) as caught:
            engine.client.query_sql("d", ENDLESS)
        assert (caught.value.text, 0.7 <= time.monotonic() - began < 5) == (text, True)
        create(engine.client, "w", "query.py", "table:m")
        write(engine.client, 1)
        wait_until(lambda: logged(engine.client, "w", containing=f"failed: error: error while planning query: {text}"))
        wait_until(lambda: not any(niceness(pid) for pid in descendants(engine.pid)))


def test_the_time_limit_counts_while_a_query_waits_for_its_turn(tmp_path: Path) -> None:
    with filled_engine(tmp_path, query_timeout=3) as engine, ThreadPoolExecutor(40) as threads:
        answers = list(threads.map(lambda _: httpx.get(f"{engine.url}{path_of(ENDLESS)}", timeout=60), range(40)))
        assert {(answer.status_code, "3 s (--query-timeout)" in answer.text) for answer in answers} == {(400, True)}


def test_long_queries_do_not_delay_short_ones(engine: RunningEngine) -> None:
    with ExitStack() as stack:
        for _ in range(32):
            stack.enter_context(send(engine, *REQUESTS["GET"]))
        busy(engine, 8)
        taken = []
        for number in range(20):
            began = time.monotonic()
            assert engine.client.query_sql("d", f"SELECT count(*) AS n FROM big WHERE v < {number}") == [{"n": number}]
            taken.append(time.monotonic() - began)
        assert sorted(taken)[15] < 1, taken


def test_many_clients_query_at_once(engine: RunningEngine) -> None:
    def ask(number: int) -> bool:
        return engine.client.query_sql("d", f"SELECT count(*) AS n FROM big WHERE v < {number}") == [{"n": number}]

    with ThreadPoolExecutor(64) as threads:
        assert all(threads.map(ask, range(256)))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT lpad('x', 2000000000, 'y')",
        "SELECT count(*) FROM (SELECT rpad('x', 2000000000, 'y') AS x)",
        "SELECT length(repeat('x', 2000000000))",
        "SELECT concat(repeat('x', 900000000), repeat('y', 900000000))",
        "SELECT repeat(repeat(repeat('x', 1000), 1000), 1000)",
        "SELECT cardinality(array_repeat('x', 2000000000))",
        "SELECT cardinality(range(1, 4000000000))",
        "SELECT cardinality(generate_series(1, 4000000000))",
        "SELECT length(string_agg(lpad(CAST(v AS VARCHAR), 100000, 'x'), ',')) FROM big",
        "SELECT cardinality(array_agg(lpad(CAST(v AS VARCHAR), 100000, 'x'))) FROM big",
        "SELECT replace(repeat('x', 10000000), 'x', repeat('y', 1000))",
    ],
)
def test_a_query_that_takes_all_memory_fails_alone(limited: RunningEngine, sql: str) -> None:
    with pytest.raises(BadRequest, match=r"Resources exhausted: .*--exec-mem-pool-bytes"):
        limited.client.query_sql("d", sql)
    assert limited.client.query_sql("d", "SELECT count(*) AS n FROM big") == [{"n": ROWS}]
    assert limited.process.poll() is None


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with filled_engine(tmp_path_factory.mktemp("limited"), exec_mem_pool_bytes="64mb") as running:
        yield running


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
def test_a_query_whose_process_is_killed_says_so_and_the_next_works(
    engine: RunningEngine, number: signal.Signals
) -> None:
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(httpx.get, f"{engine.url}{path_of(ENDLESS)}", timeout=60)
        os.kill(busy(engine)[0], number)
        assert answer.result().status_code == 500
        assert answer.result().json()["error"] == (
            f"Execution error: the process of the query was ended by {number.name}; the engine goes on"
        )
    assert engine.client.query_sql("d", "SELECT count(*) AS n FROM big") == [{"n": ROWS}]


def test_idle_processes_and_their_parent_are_replaced_when_they_are_killed(engine: RunningEngine) -> None:
    for _ in range(2):
        engine.client.query_sql("d", "SELECT 1")
        for pid, command in descendants(engine.pid).items():
            if "sql.processes.zygote" in command:
                os.kill(pid, signal.SIGKILL)
    assert engine.client.query_sql("d", "SELECT count(*) AS n FROM big") == [{"n": ROWS}]


def test_files_of_a_killed_query_are_removed(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with filled_engine(tmp_path, exec_mem_pool_bytes="20mb", environment={"TMPDIR": str(scratch)}) as engine:
        connection = send(engine, f"GET {path_of('SELECT a.v FROM big a, big b ORDER BY a.v * b.v, a.v + b.v')}")
        wait_until(lambda: any(file.is_file() for file in scratch.rglob("*")))
        connection.close()
        wait_until(lambda: not any(file.is_file() for file in scratch.rglob("*")))
        assert engine.stop() == 0
    wait_until(lambda: not list(scratch.glob("influxdb3-sql-*")))


def silent_index() -> socket.socket:
    """A server that takes connections and never answers."""
    return socket.create_server(("127.0.0.1", 0))


@contextmanager
def queries(engine: RunningEngine) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(send(engine, *REQUESTS["GET"]))
        busy(engine, 8)
        yield


@contextmanager
def abandoned_queries(engine: RunningEngine) -> Iterator[None]:
    with queries(engine):
        pass
    yield


@contextmanager
def dry_run(engine: RunningEngine) -> Iterator[None]:
    with send(engine, *REQUESTS["dry run of writes"]):
        busy(engine)
        yield


@contextmanager
def plugin_that_queries(engine: RunningEngine) -> Iterator[None]:
    create(engine.client, "w", "query.py", "table:m")
    write(engine.client, 1)
    busy(engine)
    yield


@contextmanager
def plugin_that_ignores_signals(engine: RunningEngine) -> Iterator[None]:
    create(engine.client, "stubborn", "stubborn.py", "request:stubborn")
    with send(engine, f"GET {paths.engine('stubborn')}"):
        running_pid(engine.client, "stubborn")
        yield


@contextmanager
def package_installation(engine: RunningEngine) -> Iterator[None]:
    with silent_index() as index:
        url = f"http://127.0.0.1:{index.getsockname()[1]}/slow-1.0.tar.gz"
        body = json.dumps({"packages": [url]}).encode()
        with send(engine, f"POST {paths.INSTALL_PACKAGES}", body):
            index.settimeout(60)
            connection, _ = index.accept()  # pip waits for its answer
            with connection:
                yield


@contextmanager
def half_a_request(engine: RunningEngine) -> Iterator[None]:
    url = urlsplit(engine.url)
    with ExitStack() as stack:
        for sent in (
            b"",
            b"GET /health HT",
            b"POST /api/v3/write_lp?db=d HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nm",
        ):
            connection = stack.enter_context(socket.create_connection((url.hostname, url.port)))
            connection.sendall(sent)
        yield


@contextmanager
def large_writes(engine: RunningEngine) -> Iterator[None]:
    body = "\n".join(f"large,host=h{at} v={at},w={at} {at}" for at in range(50_000)).encode()
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(send(engine, f"POST {paths.WRITE_LP}?db=d", body))
        yield


SCENES = {
    scene.__name__: scene
    for scene in (
        queries,
        abandoned_queries,
        dry_run,
        plugin_that_queries,
        plugin_that_ignores_signals,
        package_installation,
        half_a_request,
        large_writes,
    )
}


@pytest.mark.parametrize("names", [*([name] for name in SCENES), list(SCENES)], ids=lambda names: " ".join(names)[:40])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_an_engine_stops_in_time_during_any_operation(
    engine: RunningEngine, names: list[str], number: signal.Signals
) -> None:
    write(engine.client, 1, 2, 3)
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(SCENES[name](engine))
        family = list(descendants(engine.pid))
        began = time.monotonic()
        engine.process.send_signal(number)
        status = engine.process.wait(60)
        assert time.monotonic() - began < SECONDS_TO_STOP, engine.logs
        assert status == 0 or "Timeout" in engine.logs, engine.logs  # a busy machine can be too slow for a clean stop
        wait_until(lambda: not any(map(is_running, family)))
    with start_engine(engine.directory) as again:
        assert len(again.client.query_sql("d", "SELECT n FROM m")) >= 3
        assert again.client.query_sql("d", "SELECT count(*) AS n FROM big") == [{"n": ROWS}]


def test_a_killed_engine_leaves_no_process_behind(engine: RunningEngine) -> None:
    with queries(engine), plugin_that_ignores_signals(engine):
        family = list(descendants(engine.pid))
        engine.kill()
        wait_until(lambda: not any(map(is_running, family)))
    with start_engine(engine.directory) as again:
        assert again.client.query_sql("d", "SELECT count(*) AS n FROM big") == [{"n": ROWS}]


def test_an_engine_that_hangs_is_killed(engine: RunningEngine) -> None:
    family = list(descendants(engine.pid))
    for pid in [pid for pid, command in descendants(engine.pid).items() if "cloudpickle" in command]:
        os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    engine.process.send_signal(signal.SIGTERM)
    engine.process.wait(60)
    assert time.monotonic() - began < SECONDS_TO_STOP
    wait_until(lambda: not any(map(is_running, family)))
