"""Limits: sizes of requests, time for requests, number of connections."""

from __future__ import annotations

import gzip
import json
import socket
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from influxdb3_embedded.http.connection import BODY_BYTES_PER_SECOND, SECONDS_FOR_BODY, SECONDS_FOR_HEADERS
from influxdb3_embedded.testing import RunningEngine, start_engine
from influxdb3_engine_api import paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
WRITE = f"POST {paths.WRITE_LP}?db=d HTTP/1.1\r\nHost: localhost\r\n".encode()


def connect(engine: RunningEngine) -> socket.socket:
    host, port = engine.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def answer(engine: RunningEngine, request: bytes) -> tuple[int, str]:
    """Status and error of the answer to a refused request, after the whole request is sent."""
    with connect(engine) as connection:
        connection.sendall(request)
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
        assert b"connection: close" in head
        return int(head.split(b" ")[1]), json.loads(body)["error"]


@pytest.mark.parametrize(
    ("request_", "status", "text"),
    [
        (HEALTH + b"X: " + b"a" * 5_000_000 + b"\r\n\r\n", 431, "longer than 65536 bytes"),
        (HEALTH + b"a" * 5_000_000 + b": x\r\n\r\n", 431, "longer than 65536 bytes"),
        (HEALTH + (b"X: " + b"a" * 1_000 + b"\r\n") * 70 + b"\r\n", 431, "longer than 65536 bytes"),
        (HEALTH + b"a:\r\n" * 200_000 + b"\r\n", 431, "more than 100 headers"),
        (b"GET /" + b"a" * 5_000_000 + b" HTTP/1.1\r\n\r\n", 414, "longer than 65534 bytes"),
        (
            WRITE + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 5_000_000 + b"\r\n#\r\n0\r\n\r\n",
            431,
            "longer than",
        ),
        (
            WRITE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 200 + b"\r\n",
            431,
            "more than 100 headers",
        ),
        (b"nonsense\r\n\r\n", 400, "Invalid HTTP request received."),
    ],
    ids=["long value", "long name", "long in total", "many", "long target", "chunk extension", "trailers", "invalid"],
)
def test_a_request_over_a_limit_gets_an_error_answer(
    engine: RunningEngine, request_: bytes, status: int, text: str
) -> None:
    got, error = answer(engine, request_)
    assert (got, text in error) == (status, True), error


def test_a_request_within_the_limits_of_a_real_server_is_accepted(engine: RunningEngine) -> None:
    headers = {f"x-{number}": "a" * 600 for number in range(90)}
    assert httpx.get(f"{engine.url}/health?{'a' * 65_000}", headers=headers).status_code == 200


def test_requests_in_one_packet_are_all_answered_in_order(engine: RunningEngine) -> None:
    with connect(engine) as connection:
        connection.sendall((HEALTH + b"\r\n") * 999 + b"GET /ping HTTP/1.1\r\nConnection: close\r\n\r\n")
        answers = read_all(connection)
    assert answers.count(b"HTTP/1.1 200 OK") == 1_000
    assert answers.count(b"\r\n\r\nOK") == 999
    assert answers.rfind(b"product_name") > answers.rfind(b"\r\n\r\nOK")


def test_a_request_before_a_refused_one_is_answered(engine: RunningEngine) -> None:
    with connect(engine) as connection:
        connection.sendall(HEALTH + b"\r\n" + HEALTH + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n")
        answers = read_all(connection)
    assert answers.startswith(b"HTTP/1.1 200 OK")


def test_a_body_of_many_small_chunks_is_read(engine: RunningEngine) -> None:
    body = b"1\r\n#\r\n" * 100_000 + b"7\r\n\na v=1\n\r\n0\r\n\r\n"
    with connect(engine) as connection:
        connection.sendall(WRITE + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        assert read_all(connection).startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize(
    ("begin", "piece", "error"),
    [
        (HEALTH, b"X: y\r\n", "the headers of the request did not arrive in time"),
        (WRITE + b"Content-Length: 1000\r\n\r\n", b"#", "the body of the request did not arrive in time"),
    ],
    ids=["headers", "body"],
)
def test_a_request_that_arrives_too_slowly_is_refused(
    engine: RunningEngine, begin: bytes, piece: bytes, error: str
) -> None:
    with connect(engine) as connection:
        start = time.monotonic()
        connection.sendall(begin)
        connection.settimeout(0.5)
        while time.monotonic() - start < 3 * SECONDS_FOR_BODY:
            connection.send(piece)
            try:
                said = connection.recv(65536)
                break
            except TimeoutError:
                continue
        assert said.startswith(b"HTTP/1.1 408 ")
        assert error.encode() in said
        assert time.monotonic() - start > SECONDS_FOR_HEADERS - 1


def test_a_body_may_take_long_if_it_arrives_steadily(engine: RunningEngine) -> None:
    size, seconds = 20 * BODY_BYTES_PER_SECOND, SECONDS_FOR_BODY + 2
    with connect(engine) as connection:
        connection.sendall(WRITE + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % (size + 6))
        for _ in range(20):
            connection.sendall(b"#" * BODY_BYTES_PER_SECOND)
            time.sleep(seconds / 20)
        connection.sendall(b"\na v=1")
        assert read_all(connection).startswith(b"HTTP/1.1 204 ")


def test_a_connection_that_sends_nothing_is_closed(engine: RunningEngine) -> None:
    with connect(engine) as connection:
        assert read_all(connection) == b""


@pytest.fixture
def few_descriptors(tmp_path: Path) -> Iterator[RunningEngine]:
    """An engine with 256 file descriptors. Each connection needs one."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nulimit -Sn 256\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o700)
    with ExitStack() as engines:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(sys, "executable", str(python))
            engine = engines.enter_context(start_engine(tmp_path, object_store="memory"))
        yield engine


def test_the_oldest_incomplete_requests_give_way_to_new_connections(few_descriptors: RunningEngine) -> None:
    engine = few_descriptors
    open_ = []
    try:
        for _ in range(600):
            open_.append(connect(engine))
            open_[-1].sendall(HEALTH)
        # other clients are answered, and the engine can open files
        assert httpx.get(f"{engine.url}/health").text == "OK"
        code = "def process_request(influxdb3_local, q, h, b, args=None):\n    return 'ran'\n"
        upload = {"plugin_name": "p.py", "content": code}
        assert httpx.post(f"{engine.url}{paths.PLUGIN_FILES}", json=upload).status_code == 200
        # the newest connection is answered, the oldest got an error
        open_[-1].sendall(b"\r\n")
        assert open_[-1].recv(65536).startswith(b"HTTP/1.1 200 ")
        assert open_[0].recv(65536).startswith(b"HTTP/1.1 503 ")
    finally:
        for each in open_:
            each.close()


def test_idle_connections_give_way_to_new_connections(few_descriptors: RunningEngine) -> None:
    idle = []
    try:
        for _ in range(400):
            idle.append(connect(few_descriptors))
            idle[-1].sendall(HEALTH + b"\r\n")
            assert idle[-1].recv(65536).startswith(b"HTTP/1.1 200 ")
    finally:
        for each in idle:
            each.close()


def test_clients_that_read_no_answers_give_way_to_new_connections(few_descriptors: RunningEngine) -> None:
    stuck = []
    try:
        for _ in range(220):
            stuck.append(connect(few_descriptors))
            stuck[-1].sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        # at first, all connections wait for their answers
        deadline = time.monotonic() + 20
        while (answer := httpx.get(f"{few_descriptors.url}/health")).status_code == 503:
            assert time.monotonic() < deadline
        assert answer.text == "OK"
    finally:
        for each in stuck:
            each.close()


def test_gzip_may_have_a_thousand_members(http: httpx.Client) -> None:
    def write(body: bytes) -> httpx.Response:
        return http.post(paths.WRITE_LP, params={"db": "gz"}, content=body, headers={"content-encoding": "gzip"})

    lines = [gzip.compress(f"a v={number} {number}\n".encode()) for number in range(1_001)]
    assert write(b"".join(lines[:1_000])).status_code == 204
    rows = http.get(paths.QUERY_SQL, params={"db": "gz", "q": "SELECT count(*) AS n FROM a"}).json()
    assert rows == [{"n": 1_000}]
    refused = write(b"".join(lines))
    assert (refused.status_code, "more than 1000 members" in refused.text) == (400, True)
    for broken in (lines[0][:-1], lines[0] + b"x", lines[0] + lines[1][:12], b"\x1f\x8b"):
        answer = write(broken)
        assert (answer.status_code, "error decoding gzip stream" in answer.text) == (400, True)


def test_a_json_text_of_too_many_values_is_refused(http: httpx.Client) -> None:
    body = b'{"packages":[' + b"1," * 1_000_000 + b"1]}"
    answer = http.post(paths.INSTALL_PACKAGES, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "more than 30000 values at line 1 column" in answer.json()["error"]


def test_errors_of_lines_are_reported_up_to_a_limit_and_valid_lines_are_written(http: httpx.Client) -> None:
    body = b"a v=1 1\n" + b"bad\n" * 150_000 + b"a v=2 2\n"
    answer = http.post(paths.WRITE_LP, params={"db": "errors"}, content=body)
    assert answer.status_code == 400
    data = answer.json()["data"]
    assert [len(data), data[0]["line_number"], data[-1]["line_number"]] == [100_000, 2, 100_001]
    rows = http.get(paths.QUERY_SQL, params={"db": "errors", "q": "SELECT v FROM a ORDER BY time"}).json()
    assert rows == [{"v": 1.0}, {"v": 2.0}]


def test_a_plugin_name_of_a_million_parts_is_refused_at_once(http: httpx.Client) -> None:
    answer = http.post(paths.PLUGIN_FILES, json={"plugin_name": "a/" * 1_000_000 + "b.py", "content": ""})
    assert answer.status_code == 400
    assert "File name too long" in answer.json()["error"]


def test_too_many_query_parameters_are_refused(http: httpx.Client) -> None:
    answer = http.get(f"{paths.QUERY_SQL}?db=d&q=x&{'a&' * 2_000}")
    assert (answer.status_code, answer.json()["error"]) == (400, "serde error: more than 1000 parameters")
