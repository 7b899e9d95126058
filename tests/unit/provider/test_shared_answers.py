"""Answers that the resources of a deployment share: asked for once, and again after 30 seconds or a change."""

from __future__ import annotations

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_api import CreateTrigger, ErrorBehavior, TriggerSettings
from influxdb3_engine_resources.errors import ProbeFailed
from influxdb3_engine_resources.server import shared
from influxdb3_engine_resources.server.shared import SharedAnswers

if TYPE_CHECKING:
    from fake_server import FakeServer

    from influxdb3_engine_resources.server.engine import Engine

SHARED_SECONDS = 30.0


@dataclass
class Clock:
    """A clock that only the test moves."""

    now: float = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of shared answers."""
    clock = Clock()
    monkeypatch.setattr(shared, "time", clock)
    return clock


def declare(server: FakeServer, name: str, *, disabled: bool = False) -> None:
    """Create or change a trigger and its plugin, as somebody else."""
    settings = TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG)
    body = CreateTrigger(
        db="db",
        plugin_filename=f"{name}.py",
        trigger_name=name,
        trigger_settings=settings,
        trigger_specification="every:1h",
        disabled=disabled,
    )
    server.triggers[name] = body.model_dump(mode="json")
    (server.plugin_directory / f"{name}.py").write_text(f"disabled = {disabled}")


def trigger(engine: Engine) -> object:
    live = engine.live_triggers.trigger("db", "t")
    return live and live.row.disabled


def content(engine: Engine) -> object:
    return engine.hosts[0].probe.hashes(["t.py"]).get("t.py")


def names(engine: Engine) -> object:
    return engine.hosts[0].probe.names_below("d")


def file_of_trigger(engine: Engine) -> object:
    row = engine.hosts[0].plugin_table.row("t.py")
    return row and row.size_bytes


LOOKS = {
    "a trigger": (trigger, "query triggers"),
    "the hash of a file": (content, "probe"),
    "the names of files": (names, "probe"),
    "a file that a trigger runs": (file_of_trigger, "query files"),
}


@pytest.mark.parametrize("what", LOOKS)
def test_an_answer_serves_other_resources_for_half_a_minute_and_no_longer(
    server: FakeServer, clock: Clock, what: str
) -> None:
    look, request = LOOKS[what]
    (server.plugin_directory / "d").mkdir()
    engine = server.engine()
    before = look(engine)
    declare(server, "t")
    (server.plugin_directory / "d" / "new.py").write_text("")
    asked = server.requests.count(request)

    clock.now += SHARED_SECONDS
    assert look(engine) == before
    assert server.requests.count(request) == asked

    clock.now += 0.01
    after = look(engine)
    assert after != before
    assert server.requests.count(request) == asked + 1

    declare(server, "t", disabled=True)
    clock.now += SHARED_SECONDS
    assert look(engine) == after
    assert server.requests.count(request) == asked + 1


def test_a_listing_that_takes_long_serves_for_half_a_minute_after_it_came(
    server: FakeServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = server._probe

    def slow(body: dict[str, Any]) -> Any:
        clock.now += 20
        return run(body)

    monkeypatch.setattr(server, "_probe", slow)
    engine = server.engine()
    content(engine)
    asked = len(server.requests)
    clock.now += SHARED_SECONDS
    content(engine)
    assert len(server.requests) == asked


def test_a_server_that_ran_no_dry_runs_is_asked_again_after_half_a_minute(server: FakeServer, clock: Clock) -> None:
    server.failures["probe"] = [httpx.Response(500, text="Plugin error: Node not configured with plugin directory")]
    engine = server.engine()
    declare(server, "t")
    for _ in range(2):
        with pytest.raises(ProbeFailed, match="not configured"):
            content(engine)
    assert server.requests.count("probe") == 1

    clock.now += SHARED_SECONDS + 0.01
    assert content(engine) == hashlib.sha256(b"disabled = False").hexdigest()


@pytest.mark.usefixtures("clock")
def test_only_the_database_of_a_changed_trigger_is_read_again(
    server: FakeServer,
) -> None:
    server.databases.add("other")
    tables = server.engine().live_triggers
    assert tables.trigger("db", "t") is None
    assert tables.trigger("other", "t") is None
    declare(server, "t")

    tables.forget("db")

    assert tables.trigger("db", "t") is not None
    assert tables.trigger("other", "t") is None
    assert server.requests.count("query triggers") == 3


@pytest.mark.usefixtures("clock")
def test_a_fresh_answer_is_kept_for_later_readers(server: FakeServer) -> None:
    tables = server.engine().live_triggers
    tables.trigger("db", "t")
    declare(server, "t")

    assert tables.trigger("db", "t") is None
    assert tables.trigger("db", "t", fresh=True) is not None
    assert tables.trigger("db", "t") is not None
    assert server.requests.count("query triggers") == 2


@pytest.mark.usefixtures("clock")
def test_an_answer_is_outdated_if_a_change_happens_during_its_request(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = server.engine().live_triggers
    query = server._query

    def overtaken(body: dict[str, Any]) -> Any:
        answer = query(body)
        monkeypatch.setattr(server, "_query", query)
        declare(server, "t")
        tables.forget("db")
        return answer

    monkeypatch.setattr(server, "_query", overtaken)
    assert tables.trigger("db", "t") is None

    assert tables.trigger("db", "t") is not None


def test_those_who_ask_at_the_same_time_wait_for_one_request() -> None:
    answers, requests = SharedAnswers(), []
    all_ask = threading.Barrier(4)

    def ask() -> int:
        time.sleep(0.05)
        requests.append(threading.get_ident())
        return len(requests)

    def get(_number: int) -> int:
        all_ask.wait()
        return answers.get("question", ask)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(get, range(4))) == [1] * 4
    assert len(requests) == 1


def test_one_question_does_not_wait_for_the_answer_to_another() -> None:
    answers = SharedAnswers()

    assert answers.get("outer", lambda: answers.get("inner", lambda: 1) + 1) == 2


def test_a_failure_is_raised_and_not_kept() -> None:
    answers = SharedAnswers()

    with pytest.raises(ZeroDivisionError):
        answers.get("question", lambda: 1 // 0)

    assert answers.get("question", lambda: 1) == 1


def test_a_change_of_our_own_is_applied_to_an_answer_that_was_under_way() -> None:
    answers = SharedAnswers()
    asked = threading.Event()

    def ask() -> int:
        asked.set()
        time.sleep(0.05)
        return 1

    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(answers.get, "question", ask)
        asked.wait()
        answers.amend("question", lambda number: number + 1)

    assert answer.result() == 1
    assert answers.get("question", lambda: 0) == 2
