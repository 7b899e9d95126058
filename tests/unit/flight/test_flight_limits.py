"""Limits of Flight: connections, time, memory, cancelled queries, and the stop of the engine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from flight_calls import connect, failure, options, rows, ticket

from influxdb3_embedded.testing import RunningEngine, start_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SLOW = "SELECT count(*) AS n FROM generate_series(1, 100000) a CROSS JOIN generate_series(1, 100000000) b"
LARGE = "SELECT repeat('x', 1000) AS text FROM generate_series(1, 150000)"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with started(tmp_path_factory.mktemp("engine")) as running:
        yield running


@contextmanager
def started(directory: Path, query_timeout: int = 30) -> Iterator[RunningEngine]:
    with start_engine(
        directory, object_store="memory", query_timeout=query_timeout, exec_mem_pool_bytes="200mb"
    ) as engine:
        engine.client.write_lp("d", "cpu usage=1")
        yield engine


def raw(engine: RunningEngine) -> socket.socket:
    host, port = engine.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def busy_queries(engine: RunningEngine) -> int:
    """Number of query processes that use a processor."""
    found = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = status.read_text().rpartition(") ")
            parent, state = int(rest.split()[1]), rest.split()[0]
            grandparent = Path(f"/proc/{parent}/stat").read_text().rpartition(") ")[2].split()[1]
        except OSError:
            continue
        found += int(grandparent) == engine.pid and state == "R"
    return found


def wait_until(condition: object, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]  # a function
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_http_1_requests_on_other_connections_are_answered_while_a_large_result_is_sent(engine: RunningEngine) -> None:
    slowest = 0.0
    with connect(engine) as client, httpx.Client(base_url=engine.url) as http:
        reader = client.do_get(ticket(LARGE))
        thread = threading.Thread(target=reader.read_all)
        thread.start()
        while thread.is_alive():
            before = time.perf_counter()
            assert http.get("/health").text == "OK"
            slowest = max(slowest, time.perf_counter() - before)
        thread.join()
    assert slowest < 0.25 * 4  # the limit is 250 ms; a loaded machine is slower


def test_a_preface_may_come_in_pieces_and_with_more_behind_it(engine: RunningEngine) -> None:
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    for pieces in ([PREFACE[:1], PREFACE[1:20], PREFACE[20:] + settings], [PREFACE + settings]):
        with raw(engine) as connection:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.05)
            assert connection.recv(9)[3] == 4  # the server's settings


def test_what_only_looks_like_a_preface_is_refused_as_http_1(engine: RunningEngine) -> None:
    with raw(engine) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nno\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    with raw(engine) as connection:
        connection.sendall(b"P")
        time.sleep(0.05)
        connection.sendall(b"OST /ping HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_connection_that_does_not_complete_its_begin_is_closed(engine: RunningEngine) -> None:
    before = time.monotonic()
    with raw(engine) as part_of_preface, raw(engine) as only_preface:
        part_of_preface.sendall(PREFACE[:10])
        only_preface.sendall(PREFACE)
        for connection in (part_of_preface, only_preface):
            while connection.recv(1000):
                pass
            assert 5 < time.monotonic() - before < 20


def test_what_a_client_sends_does_not_reach_the_log(engine: RunningEngine) -> None:
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    text = b"\x1b[31m forged"
    goaway = (8 + len(text)).to_bytes(3, "big") + b"\x07" + bytes(12) + b"\x02" + text
    ping = b"\x00\x00\x08\x06\x00\x00\x00\x00\x00" + b"12345678"
    with raw(engine) as connection:
        connection.sendall(PREFACE + settings + goaway + ping)
        received = b""
        while b"12345678" not in received:  # the answer to the ping: all before it has been read
            received += connection.recv(1000) or pytest.fail("closed")

    assert "forged" not in engine.logs


def test_connections_over_the_limit_are_refused_by_name(tmp_path: Path) -> None:
    # 80 descriptors: at most 60 connections, at most 15 of them HTTP/2
    command = f"ulimit -n 128; exec {sys.executable} -m influxdb3_embedded serve --http-bind 127.0.0.1:0 --without-auth"
    ready = tmp_path / "url"
    process = subprocess.Popen(
        ["bash", "-c", f"{command} --object-store memory --ready-file {ready}"], stdout=subprocess.DEVNULL
    )
    try:
        wait_until(ready.exists, 30)
        engine = RunningEngine(ready.read_text(), process, tmp_path)
        opened = []
        for _ in range(24):
            connection = raw(engine)
            connection.sendall(PREFACE + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
            opened.append(connection)
        assert b"too many connections" in raw_answer(raw(engine))
        for connection in opened:
            connection.close()
        engine.client.write_lp("d", "cpu usage=1")
        with connect(engine) as client:
            assert rows(client, ticket("SELECT usage FROM cpu")) == [{"usage": 1.0}]
    finally:
        process.kill()
        process.wait()


def raw_answer(connection: socket.socket) -> bytes:
    with connection:
        connection.sendall(PREFACE)
        received = b""
        while data := connection.recv(1000):
            received += data
        return received


def test_a_query_ends_when_its_deadline_passes(engine: RunningEngine) -> None:
    with connect(engine) as client:
        status, _ = failure(client, ticket(SLOW), options(timeout=1))
        assert status == "DEADLINE_EXCEEDED"
        wait_until(lambda: busy_queries(engine) == 0)


def test_a_query_ends_when_its_client_is_gone(engine: RunningEngine) -> None:
    program = (
        f"from flight_calls import *; import pyarrow.flight as f; f.connect({engine.url.replace('http', 'grpc')!r})"
    )
    support = str(Path(__file__).parents[2] / "support")
    gone = subprocess.Popen(
        [sys.executable, "-c", f"{program}.do_get(ticket({SLOW!r})).read_all()"],
        env={**os.environ, "PYTHONPATH": support},
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: busy_queries(engine) == 1, 30)
    gone.kill()
    gone.wait()
    wait_until(lambda: busy_queries(engine) == 0)


def test_a_query_over_the_time_limit_ends(tmp_path: Path) -> None:
    with started(tmp_path, query_timeout=1) as engine, connect(engine) as client:
        status, text = failure(client, ticket(SLOW))
    assert (status, "--query-timeout" in text) == ("RESOURCE_EXHAUSTED", True)


def test_results_that_clients_do_not_read_are_limited(engine: RunningEngine) -> None:
    with connect(engine) as client:
        unread = client.do_get(ticket(LARGE))  # 150 MB of 200
        unread.read_chunk()
        status, text = failure(client, ticket(LARGE))
        assert (status, "--exec-mem-pool-bytes" in text) == ("RESOURCE_EXHAUSTED", True)
        assert rows(client, ticket("SELECT 1 AS one")) == [{"one": 1}]
        unread.cancel()
        wait_until(lambda: shared_memory(engine) < 1_000_000)
        assert client.do_get(ticket(LARGE)).read_all().num_rows == 150_000


def shared_memory(engine: RunningEngine) -> int:
    (line,) = [each for each in Path(f"/proc/{engine.pid}/status").read_text().splitlines() if "RssShmem" in each]
    return int(line.split()[1]) * 1024


def test_a_result_over_the_memory_limit_is_refused(engine: RunningEngine) -> None:
    with connect(engine) as client:
        status, text = failure(client, ticket(LARGE.replace("150000", "300000")))
    assert (status, text.startswith("Resources exhausted: the result would take")) == ("RESOURCE_EXHAUSTED", True)


def test_the_engine_stops_although_queries_run_and_results_are_unread(tmp_path: Path) -> None:
    with started(tmp_path) as engine:
        stop_while_busy(engine)


def stop_while_busy(engine: RunningEngine) -> None:
    endings = []

    def query() -> None:
        with connect(engine) as client:
            endings.append(failure(client, ticket(SLOW)))

    with connect(engine) as client:
        unread = client.do_get(ticket(LARGE))
        unread.read_chunk()
        thread = threading.Thread(target=query)
        thread.start()
        wait_until(lambda: busy_queries(engine) == 1)
        before = time.monotonic()
        os.kill(engine.pid, signal.SIGTERM)
        assert engine.process.wait(10) == 0
        assert time.monotonic() - before < 8
        thread.join()
    assert endings == [("INTERNAL", "Execution error: the query was interrupted")]
    assert "stopped" in engine.logs


def test_an_engine_without_flight_clients_does_not_load_grpc(tmp_path: Path) -> None:
    with started(tmp_path) as engine:
        httpx.get(f"{engine.url}/health")
        assert "grpc" not in Path(f"/proc/{engine.pid}/maps").read_text()
