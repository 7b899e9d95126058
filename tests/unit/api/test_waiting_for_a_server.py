"""Waiting for a server that refuses connections, since it may be starting."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx
import pytest

from influxdb3_engine_api import AnswerLost, EngineClient, EngineUnreachable, connection
from influxdb3_engine_api.silence import Silence

URL = "http://127.0.0.1:1"
PATIENCE = 10.0


@dataclass
class StartingServer:
    """Refuses connections during the seconds of ``down``; its clock moves only while the client sleeps.

    Attributes:
        down: Pairs of seconds: from, until.
        now: The time in seconds.
        attempts: Times of the client's connections.
        told: Messages of ``on_wait``.
    """

    down: list[tuple[float, float]]
    now: float = 1_000.0
    attempts: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.attempts.append(self.now)
        if any(since <= self.now < until for since, until in self.down):
            raise httpx.ConnectError("Connection refused", request=request)
        return httpx.Response(200, json={"product_name": "p", "version": "3.10.0"})

    def client(self, patience: float = PATIENCE) -> EngineClient:
        return EngineClient(
            URL, start_patience=patience, on_wait=self.told.append, transport=httpx.MockTransport(self.answer)
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> StartingServer:
    """A server that starts three seconds after the first request."""
    server = StartingServer(down=[(1_000.0, 1_003.0)])
    monkeypatch.setattr(connection, "time", server)
    return server


def test_the_client_waits_for_a_starting_server_and_reports_it_once(server: StartingServer) -> None:
    client = server.client()

    assert client.ping().version == "3.10.0"
    assert 1_003 <= server.now < 1_003.5
    assert server.told == [f"{URL} refuses connections; waiting 10 s for it to start"]


def test_a_waiting_client_tries_five_times_a_second(server: StartingServer) -> None:
    server.client().ping()

    pauses = [later - earlier for earlier, later in zip(server.attempts, server.attempts[1:], strict=False)]
    assert max(pauses) == pytest.approx(0.2)
    assert min(pauses) == pytest.approx(0.2)


def test_waiting_ends_after_the_given_seconds(server: StartingServer) -> None:
    server.down = [(0.0, 1_000.0 + PATIENCE + 0.01)]

    with pytest.raises(EngineUnreachable, match="no connection"):
        server.client().ping()
    assert server.now == pytest.approx(1_000.0 + PATIENCE)


def test_all_requests_together_wait_once(server: StartingServer) -> None:
    server.down = [(0.0, 9_999.0)]
    client = server.client()

    for _ in range(3):
        with pytest.raises(EngineUnreachable):
            client.ping()
    assert server.now == pytest.approx(1_000.0 + PATIENCE)
    assert len(server.told) == 1


def test_after_an_answer_the_client_waits_again(server: StartingServer) -> None:
    server.down = [(1_000.0, 1_006.0), (1_100.0, 1_106.0)]
    client = server.client()

    client.ping()
    server.now = 1_100.0
    client.ping()

    assert server.now >= 1_106.0
    assert len(server.told) == 2


def test_without_patience_the_first_refused_connection_is_an_error(server: StartingServer) -> None:
    client = server.client(patience=0.0)

    with pytest.raises(EngineUnreachable):
        client.ping()
    assert (server.attempts, server.told) == ([1_000.0], [])


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (httpx.ConnectTimeout, EngineUnreachable),
        (httpx.PoolTimeout, EngineUnreachable),
        (httpx.ReadTimeout, AnswerLost),
        (httpx.WriteTimeout, AnswerLost),
        (httpx.ReadError, AnswerLost),
        (httpx.RemoteProtocolError, AnswerLost),
    ],
)
def test_only_a_refused_connection_is_tried_again(
    server: StartingServer,
    monkeypatch: pytest.MonkeyPatch,
    failure: type[httpx.TransportError],
    raised: type[Exception],
) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        server.attempts.append(server.now)
        raise failure("what the socket said")

    monkeypatch.setattr(server, "answer", fail)

    with pytest.raises(raised):
        server.client().ping()
    assert (server.attempts, server.now) == ([1_000.0], 1_000.0)


def test_after_waiting_in_vain_the_error_says_so(server: StartingServer) -> None:
    server.down = [(0.0, 9_999.0)]

    for _ in range(2):
        with pytest.raises(EngineUnreachable) as unreachable:
            server.client().ping()
        assert unreachable.value.waited


@pytest.mark.parametrize(
    ("timeout", "connecting"), [(30.0, [10.0, 2.0, 2.0]), (6.0, [6.0, 6.0, 2.0]), (1.0, [1.0] * 3)]
)
def test_a_server_that_does_not_answer_is_waited_for_once(
    server: StartingServer, timeout: float, connecting: list[float]
) -> None:
    asked: list[float] = []

    def time_out(request: httpx.Request) -> httpx.Response:
        asked.append(request.extensions["timeout"]["connect"])
        server.now += asked[-1]
        raise httpx.ConnectTimeout("timed out", request=request)

    client = EngineClient(URL, timeout=timeout, start_patience=PATIENCE, transport=httpx.MockTransport(time_out))
    for _ in connecting:
        with pytest.raises(EngineUnreachable):
            client.ping()

    assert asked == connecting


@dataclass
class SilentServer:
    """Accepts connections, and answers only from the second ``answers_from`` on; its clock moves with each request.

    Attributes:
        answers_from: The time in seconds.
        now: The time in seconds.
        requests: How many requests were sent.
    """

    answers_from: float = 9_999.0
    now: float = 1_000.0
    requests: int = 0

    def monotonic(self) -> float:
        return self.now

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        if self.now < self.answers_from:
            self.now += 30
            raise httpx.ReadTimeout("timed out", request=request)
        return httpx.Response(200, json={"product_name": "p", "version": "3.10.0"})

    def client(self, patience: float = PATIENCE) -> EngineClient:
        return EngineClient(URL, start_patience=patience, transport=httpx.MockTransport(self.answer))


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> SilentServer:
    """A server that never answers."""
    server = SilentServer()
    monkeypatch.setattr(connection, "time", server)
    return server


def test_after_two_requests_without_an_answer_further_ones_fail_at_once_and_name_the_first(
    silent: SilentServer,
) -> None:
    client = silent.client()

    with pytest.raises(AnswerLost, match="no answer in time") as first:
        client.create_database("d")
    with pytest.raises(AnswerLost, match="no answer in time") as second:
        client.ping()
    for _ in range(3):
        with pytest.raises(EngineUnreachable) as third:
            client.databases()

    assert (first.value.waited, second.value.waited, third.value.waited) == (False, True, True)
    assert "GET http://127.0.0.1:1/api/v3/configure/database: not sent" in str(third.value)
    assert "(POST http://127.0.0.1:1/api/v3/configure/database: no answer in time (influxdb3:timeout" in str(
        third.value
    )
    assert (silent.requests, silent.now) == (2, 1_060.0)


def test_requests_that_were_sent_together_count_as_one() -> None:
    silence = Silence()

    assert [silence.note_timeout(0.0, 30.0 + each, "what") for each in range(5)] == [False] * 5
    assert silence.first_failure is None
    assert silence.note_timeout(30.5, 60.0, "what")


def test_a_server_that_has_answered_is_asked_again_and_again(silent: SilentServer) -> None:
    silent.answers_from = 0.0
    client = silent.client()
    client.ping()
    silent.answers_from = 9_999.0

    for _ in range(4):
        with pytest.raises(AnswerLost) as lost:
            client.ping()
        assert not lost.value.waited
    assert silent.requests == 5


def test_an_answer_to_the_second_request_is_enough(silent: SilentServer) -> None:
    silent.answers_from = 1_001.0
    client = silent.client()

    with pytest.raises(AnswerLost):
        client.ping()
    assert client.ping().version == "3.10.0"


def test_slow_plugins_and_clients_without_patience_are_asked_again(silent: SilentServer) -> None:
    client, impatient = silent.client(), silent.client(patience=0.0)

    for _ in range(3):
        with pytest.raises(AnswerLost):
            client.call_request_trigger("slow")
        with pytest.raises(AnswerLost):
            impatient.ping()
    assert silent.requests == 6
