"""The steps of a swap that hands writes over: each failure, restarts, and left candidates."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_api.specification import parse
from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import InvalidInputs, ResourceError
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.triggers import run_ends
from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from fake_server import FakeServer

pytestmark = pytest.mark.usefixtures("two_plugins")

LOGIC = TriggerLogic()
CANDIDATE = "t__pulumi_candidate"
CARRY = [
    "query logs", "create t__pulumi_candidate", "disable t", "delete t", "ping", "query logs", "create t",
    "disable t__pulumi_candidate", "delete t__pulumi_candidate",
]  # fmt: skip
LOOK = ["query logs"]
VALIDATION = ["create t__pulumi_candidate", "delete t__pulumi_candidate"]
REPLACEMENT = ["disable t", "delete t", "create t"]
CUT = [*VALIDATION, *LOOK, *REPLACEMENT]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_ends, "_SECONDS_BETWEEN_LOOKS", 0.0)
    monkeypatch.setattr(run_ends, "_SECONDS_TO_WRITE", 0.0)


def trigger(**properties: Any) -> TriggerInputs:
    given = {"db": "db", "trigger_name": "t", "plugin_filename": "p.py", "trigger_specification": "all_tables"}
    return LOGIC.check(TriggerInputs.checked(given | properties), Program(Configuration()))


def answers(*texts: str) -> list[httpx.Response | Exception]:
    return [httpx.Response(500, text=text) for text in texts]


def gone(times: int = 12) -> list[httpx.Response | Exception]:
    return [httpx.ReadError("reset")] * times


def swapped(server: FakeServer, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The requests of an update."""
    LOGIC.create(trigger(**before), server.engine())
    server.requests.clear()
    LOGIC.update(trigger(**before), trigger(**after), server.engine())
    return [request for request in server.requests if not request.startswith("query t")]


@pytest.mark.parametrize(
    ("before", "after", "requests"),
    [
        ({}, {"plugin_filename": "q.py"}, CARRY),
        ({}, {"trigger_specification": "table:cpu"}, CARRY),
        ({"handover": "carry"}, {"handover": "carry", "plugin_filename": "q.py"}, CARRY),
        ({}, {"handover": "cut", "plugin_filename": "q.py"}, CUT),
        ({}, {"disabled": True, "plugin_filename": "q.py"}, CUT),
        ({}, {"trigger_specification": "every:1h"}, CUT),
        ({}, {"restart_on": ["abc"]}, CARRY),
        ({"restart_on": [1, "a"]}, {"restart_on": [2, "a"], "handover": "cut"}, [*LOOK, "disable t", "enable t"]),
    ],
)
def test_a_trigger_on_writes_that_stays_enabled_hands_its_writes_over(
    server: FakeServer, before: dict[str, Any], after: dict[str, Any], requests: list[str]
) -> None:
    assert swapped(server, before, after) == requests
    expected = trigger(**after).body().model_dump(mode="json", exclude={"node_spec"})
    assert server.triggers == {"t": expected}


@pytest.mark.parametrize(
    ("before", "after", "requests"),
    [
        ({"disabled": True}, {"disabled": True, "plugin_filename": "q.py"}, VALIDATION + REPLACEMENT),
        ({"disabled": True}, {"plugin_filename": "q.py"}, VALIDATION + REPLACEMENT),
        ({"disabled": True}, {"disabled": True, "restart_on": ["new"]}, []),
        ({}, {"handover": "cut"}, []),
    ],
)
def test_a_trigger_that_does_not_run_has_nothing_to_hand_over(
    server: FakeServer, before: dict[str, Any], after: dict[str, Any], requests: list[str]
) -> None:
    assert swapped(server, before, after) == requests


def test_a_request_trigger_is_gone_for_two_requests_only(server: FakeServer) -> None:
    request = {"trigger_specification": "request:r"}

    requests = swapped(server, request, request | {"plugin_filename": "q.py"})

    assert requests == [*VALIDATION, "delete t", "create t"]
    assert server.bodies[-2]["force"] == "true"


@pytest.mark.parametrize("specification", ["every:1h", "request:r"])
def test_a_restart_disables_and_enables_a_trigger_that_cannot_run_twice(server: FakeServer, specification: str) -> None:
    before = {"trigger_specification": specification, "restart_on": ["old"]}

    requests = swapped(server, before, before | {"restart_on": ["new"]})

    assert requests == [*(LOOK if specification != "request:r" else []), "disable t", "enable t"]


def test_the_embedded_engine_is_not_asked_for_the_candidates_run(server: FakeServer) -> None:
    server.product = ("InfluxDB 3 embedded", "3.10.0")

    requests = swapped(server, {}, {"plugin_filename": "q.py"})

    assert requests == [*LOOK, *(each for each in CARRY if each != "query logs")]


def test_the_first_run_of_the_candidate_ends_before_it_is_stopped(server: FakeServer) -> None:
    """Its run may make a table, which a server that waits for its end would not let it do."""
    server.log("starting execution of wal plugin.", name=CANDIDATE)
    Log(server, {4: ("INFO", "finished execution in 1ms")}, name=CANDIDATE)

    requests = swapped(server, {}, {"plugin_filename": "q.py"})

    stopped = requests.index(f"disable {CANDIDATE}")
    assert requests[stopped - 5 : stopped] == [*["query logs"] * 4, "create t"]


class Log:
    """Adds rows to the log when it is read for the given times."""

    def __init__(self, server: FakeServer, rows: dict[int, tuple[str, str]], name: str = "t") -> None:
        self._server, self._rows, self._handle, self._name = server, rows, server.answer, name
        server.answer = self  # type: ignore[method-assign]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = self._handle(request)
        if self._server.requests[-1] == "query logs":
            row = self._rows.get(self._server.requests.count("query logs"))
            if row:
                self._server.log(row[1], level=row[0], name=self._name)
        return answer


@pytest.mark.parametrize(
    "end",
    [
        ("INFO", "finished execution in 1ms"),
        ("ERROR", "error executing wal plugin: ValueError: x"),
        ("INFO", "starting execution of wal plugin."),
    ],
)
def test_the_current_run_ends_before_its_trigger_is_stopped(server: FakeServer, end: tuple[str, str]) -> None:
    server.log("starting execution of wal plugin.")
    server.log("of the plugin itself", level="ERROR")
    Log(server, {4: end})

    requests = swapped(server, {}, {"plugin_filename": "q.py"})

    assert requests == [*["query logs"] * 4, *CARRY]


def test_a_run_that_does_not_end_is_interrupted_after_the_time_limit_and_named(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.log("starting execution of wal plugin.")
    engine = server.engine(timeout=0.05)
    LOGIC.create(trigger(), engine)

    LOGIC.update(trigger(), trigger(plugin_filename="q.py"), engine)

    assert "trigger 't' in database 'db' is stopped during a run that has not ended" in capsys.readouterr().err
    assert server.triggers["t"]["plugin_filename"] == "q.py"


def test_a_log_that_cannot_be_read_stops_no_swap(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.failures["query logs"] = [httpx.Response(403)]

    assert swapped(server, {}, {"plugin_filename": "q.py"}) == CARRY
    assert "a run may be interrupted" in capsys.readouterr().err


def test_a_candidate_that_is_refused_leaves_the_old_definition_running(server: FakeServer) -> None:
    server.failures[f"create {CANDIDATE}"] = answers("Plugin error: no")

    with pytest.raises(ResourceError, match=r"the previous definition stays live: .*Plugin error: no$"):
        swapped(server, {}, {"plugin_filename": "q.py"})

    assert [(name, each["disabled"]) for name, each in server.triggers.items()] == [("t", False)]


def test_an_old_definition_that_cannot_be_removed_stays_and_the_candidate_goes(server: FakeServer) -> None:
    server.failures["delete t"] = answers(*["busy"] * 4)

    with pytest.raises(ResourceError, match=r"was not changed: .*busy\. The previous definition is live$"):
        swapped(server, {}, {"plugin_filename": "q.py"})

    assert [(name, each["disabled"]) for name, each in server.triggers.items()] == [("t", False)]


def test_a_new_definition_that_cannot_be_created_leaves_the_old_one_in_the_candidates_place(server: FakeServer) -> None:
    engine = server.engine()
    LOGIC.create(trigger(), engine)
    server.failures["create t"] = answers("disk full")

    with pytest.raises(ResourceError, match=r"disk full\. The previous definition is live again$"):
        LOGIC.update(trigger(), trigger(plugin_filename="q.py"), engine)

    assert [(name, each["plugin_filename"]) for name, each in server.triggers.items()] == [("t", "p.py")]


def test_if_neither_definition_can_be_created_the_error_names_the_live_candidate(server: FakeServer) -> None:
    engine = server.engine()
    LOGIC.create(trigger(), engine)
    server.failures["create t"] = answers("disk full", "still full")

    with pytest.raises(ResourceError, match=rf"The new definition is live as '{CANDIDATE}'.*still full.*--refresh"):
        LOGIC.update(trigger(), trigger(plugin_filename="q.py"), engine)

    assert [(name, each["disabled"]) for name, each in server.triggers.items()] == [(CANDIDATE, False)]
    LOGIC.update(trigger(), trigger(plugin_filename="q.py"), server.engine())
    assert [(name, each["plugin_filename"]) for name, each in server.triggers.items()] == [("t", "q.py")]


def test_a_candidate_that_cannot_be_removed_fails_the_update_and_the_next_one_removes_it(server: FakeServer) -> None:
    server.failures[f"disable {CANDIDATE}"] = gone(4)

    with pytest.raises(ResourceError, match=rf"has its new definition, and its candidate '{CANDIDATE}' may be enabled"):
        swapped(server, {}, {"plugin_filename": "q.py"})

    assert set(server.triggers) == {"t", CANDIDATE}
    LOGIC.update(trigger(), trigger(plugin_filename="q.py"), server.engine())
    assert [(name, each["plugin_filename"]) for name, each in server.triggers.items()] == [("t", "q.py")]


def test_a_candidate_stays_if_the_old_definition_may_be_gone(server: FakeServer) -> None:
    server.failures["delete t"] = gone(4)
    server.failures["enable t"] = gone(4)

    with pytest.raises(
        ResourceError, match=rf"The new definition runs as '{CANDIDATE}', and the previous .* could not be asked"
    ):
        swapped(server, {}, {"plugin_filename": "q.py"})

    assert {name: each["disabled"] for name, each in server.triggers.items()} == {"t": True, CANDIDATE: False}


def test_triggers_of_one_server_hand_over_one_after_the_other(server: FakeServer) -> None:
    engine = server.engine()
    for number in range(4):
        LOGIC.create(trigger(trigger_name=f"t{number}"), engine)

    handle = server.answer

    def slow(request: httpx.Request) -> httpx.Response:
        time.sleep(0.002)
        return handle(request)

    server.answer = slow  # type: ignore[method-assign]

    def update(number: int) -> None:
        name = {"trigger_name": f"t{number}"}
        LOGIC.update(trigger(**name), trigger(**name, plugin_filename="q.py"), engine)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(update, range(4)))

    changing = [each for each in server.requests if each.split()[0] in {"disable", "delete"}]
    names = [each.split()[1].removesuffix("__pulumi_candidate") for each in changing]
    assert [name for name, _ in groupby(names)] == sorted(set(names), key=names.index)


def left(server: FakeServer, **properties: Any) -> None:
    """What a deployment that was killed leaves."""
    candidate = trigger(**properties).candidate(disabled=False).body().model_dump(mode="json", exclude={"node_spec"})
    server.triggers[CANDIDATE] = candidate


def test_a_left_candidate_that_is_the_same_runs_until_the_new_definition_is_live(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    left(server, plugin_filename="q.py")

    LOGIC.update(trigger(), trigger(plugin_filename="q.py"), server.engine())

    changing = [request for request in server.requests if not request.startswith(("query", "ping"))]
    assert changing == ["create t__pulumi_candidate", "disable t", "create t", *CARRY[-2:]]
    assert set(server.triggers) == {"t"}
    assert "was left by a deployment that was killed" in capsys.readouterr().err


@pytest.mark.parametrize("after", [{"plugin_filename": "q.py"}, {"disabled": True}, {"restart_on": ["x"]}])
def test_any_change_removes_a_candidate_that_was_left_enabled(server: FakeServer, after: dict[str, Any]) -> None:
    LOGIC.create(trigger(), server.engine())
    left(server, plugin_filename="other.py")

    LOGIC.update(trigger(), trigger(**after), server.engine())

    assert set(server.triggers) == {"t"}


@pytest.mark.parametrize("specification", ["every:1h", "request:r", "all_tables"])
def test_deleting_a_trigger_removes_a_candidate_that_was_left_enabled(server: FakeServer, specification: str) -> None:
    LOGIC.create(trigger(trigger_specification=specification), server.engine())
    left(server, trigger_specification=specification)

    LOGIC.delete(trigger(trigger_specification=specification), server.engine())

    assert server.triggers == {}


def test_left_candidates_are_found_by_one_query_for_each_database(server: FakeServer) -> None:
    for number in range(3):
        LOGIC.create(trigger(trigger_name=f"t{number}"), server.engine())
    engine = server.engine()
    server.requests.clear()

    for number in range(3):
        LOGIC.delete(trigger(trigger_name=f"t{number}"), engine)

    assert server.requests.count("query triggers") == 1


@pytest.mark.parametrize("old_is_there", [True, False])
def test_a_refresh_names_a_left_candidate_and_the_next_up_removes_it(
    server: FakeServer, capsys: pytest.CaptureFixture[str], old_is_there: bool
) -> None:
    wanted = trigger(plugin_filename="q.py")
    if old_is_there:
        LOGIC.create(wanted, server.engine())
    left(server, plugin_filename="q.py")
    server.requests.clear()

    live = LOGIC.read(wanted, {}, server.engine())

    assert server.requests == ["query triggers", "query arguments"]
    assert f"has left its candidate '{CANDIDATE}', which is enabled" in capsys.readouterr().err
    assert live is not None
    assert LOGIC.diff(live.inputs, wanted).changes
    LOGIC.update(live.inputs, wanted, server.engine())
    assert [(name, each["plugin_filename"]) for name, each in server.triggers.items()] == [("t", "q.py")]


def test_a_failed_run_of_the_candidate_is_a_failed_first_run(server: FakeServer) -> None:
    watched = {"watch": {"seconds": 0.05}}
    engine = server.engine()
    LOGIC.create(trigger(), engine)
    server.log("error executing wal plugin: of an earlier candidate", level="ERROR", name=CANDIDATE)
    handle = server.answer

    def failing(request: httpx.Request) -> httpx.Response:
        answer = handle(request)
        if server.requests[-1] == f"create {CANDIDATE}" and server.bodies[-1]["plugin_filename"] == "q.py":
            server.log("error executing wal plugin: ValueError: no good", level="ERROR", name=CANDIDATE)
        return answer

    server.answer = failing  # type: ignore[method-assign]

    with pytest.raises(ResourceError, match=r"The previous definition is live again: [^\n]*no good$"):
        LOGIC.update(trigger(), trigger(plugin_filename="q.py", **watched), server.engine())

    assert [(name, each["plugin_filename"]) for name, each in server.triggers.items()] == [("t", "p.py")]


def test_writes_that_reached_two_definitions_are_named(
    server: FakeServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_ends, "_FLUSH", timedelta(0))

    swapped(server, {}, {"plugin_filename": "q.py"})

    assert "may have been processed twice, since the server took long" in capsys.readouterr().err


class Clock:
    """The time as a test has it; each look takes a while."""

    def __init__(self, start: str, step: float) -> None:
        self.now_, self.step, self.slept = datetime.fromisoformat(start).replace(tzinfo=UTC), step, 0.0

    def now(self, _zone: object) -> datetime:
        self.now_ += timedelta(seconds=self.step)
        return self.now_

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now_ += timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("start", "step", "slept", "skipped"),
    [
        ("2026-01-01T06:59:00", 0.1, False, None),
        ("2026-01-01T06:59:59.700", 0.0, True, None),  # due at once: it comes first
        ("2026-01-01T06:59:58", 0.9, False, "2026-01-01 07:00:00.000 UTC"),  # the requests take longer than thought
    ],
)
def test_a_run_that_is_due_during_a_swap_happens_before_it_or_is_named(  # noqa: PLR0917 - each is one fact
    server: FakeServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    start: str,
    step: float,
    slept: bool,
    skipped: str | None,
) -> None:
    clock = Clock(start, step)
    monkeypatch.setattr(run_ends, "datetime", clock)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    hourly = {"trigger_specification": "cron:0 0 * * * *"}

    swapped(server, hourly, hourly | {"plugin_filename": "q.py"})

    said = capsys.readouterr().err
    assert (clock.slept > 0) is slept
    assert (f"the runs at {skipped} may have been skipped" in said) if skipped else "skipped" not in said


def test_the_first_of_many_skipped_runs_are_named() -> None:
    every = parse("every:1s")
    start = datetime(2026, 1, 1, tzinfo=UTC)

    times = run_ends._times(every, start, start + timedelta(seconds=100))  # type: ignore[arg-type]

    assert [time.second for time in times] == [1, 2, 3]


def test_an_unknown_handover_is_refused() -> None:
    with pytest.raises(InvalidInputs, match=r"^handover: 'carry' or 'cut' is needed"):
        trigger(handover="later")
