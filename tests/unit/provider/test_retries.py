"""What is tried again, how often, and after how long."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from influxdb3_engine_api import (
    AnswerLost,
    BadRequest,
    Conflict,
    EngineApiError,
    EngineUnreachable,
    ServerError,
    UnreadableAnswer,
)
from influxdb3_engine_api.errors import answer_error
from influxdb3_engine_resources.server import retry
from influxdb3_engine_resources.server.retry import is_server_fault, is_transient, with_retries

PASSING = [
    EngineUnreachable("no connection"),
    AnswerLost("lost", changes=True),
    *(answer_error("GET /", status, "busy") for status in (429, 502, 503, 504)),
]
THE_SERVERS = [answer_error("GET /", 500, "failed"), answer_error("GET /", 501, "not yet"), UnreadableAnswer("?")]
THE_REQUESTS = [answer_error("GET /", status, "no") for status in (400, 401, 403, 404, 409, 415, 422)]


@dataclass
class Clock:
    """Sleeps without waiting."""

    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(retry, "time", clock)
    return clock


class Failing:
    """Raises one error after the other, then returns how often it was called."""

    def __init__(self, *errors: EngineApiError) -> None:
        self._errors = list(errors)
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return self.calls


@pytest.mark.parametrize(
    ("errors", "transient", "servers"),
    [(PASSING, True, True), (THE_SERVERS, False, True), (THE_REQUESTS, False, False)],
)
def test_a_failure_is_transient_of_the_server_or_of_the_request(
    errors: list[EngineApiError], transient: bool, servers: bool
) -> None:
    assert [is_transient(error) for error in errors] == [transient] * len(errors)
    assert [is_server_fault(error) for error in errors] == [servers] * len(errors)


def test_a_transient_failure_is_tried_four_times_with_growing_pauses(clock: Clock) -> None:
    assert with_retries(Failing(*[AnswerLost("lost", changes=True)] * 3)) == 4
    assert clock.slept == [0.1, 0.4, 1.6]


def test_the_last_failure_is_raised(clock: Clock) -> None:
    action = Failing(*[AnswerLost("lost", changes=True)] * 3, BadRequest("GET /", 400, "the last"))

    with pytest.raises(BadRequest, match="the last"):
        with_retries(action)
    assert action.calls == 4


@pytest.mark.parametrize("error", [*THE_SERVERS, *THE_REQUESTS])
def test_other_failures_are_raised_at_once(clock: Clock, error: EngineApiError) -> None:
    action = Failing(AnswerLost("lost", changes=True), error)

    with pytest.raises(type(error)):
        with_retries(action)
    assert (action.calls, clock.slept) == (2, [0.1])


def test_the_caller_chooses_which_failures_to_retry(clock: Clock) -> None:
    assert with_retries(Failing(ServerError("GET /", 500, "failed")), retry_on=is_server_fault) == 2
    with pytest.raises(Conflict):
        with_retries(Failing(Conflict("GET /", 409, "there")), retry_on=is_server_fault)
    assert clock.slept == [0.1]


def test_a_server_that_the_client_has_waited_for_is_not_asked_again(clock: Clock) -> None:
    failing = Failing(EngineUnreachable("no connection", waited=True))

    with pytest.raises(EngineUnreachable):
        with_retries(failing)
    assert (failing.calls, clock.slept) == (1, [])


def test_a_request_that_changes_nothing_and_times_out_is_repeated_once(clock: Clock) -> None:
    slow = AnswerLost("no answer in time", changes=False, timed_out=True)
    reset = AnswerLost("reset", changes=False)
    twice, mixed = Failing(slow, slow), Failing(slow, reset, slow)

    with pytest.raises(AnswerLost, match="no answer in time"):
        with_retries(twice)
    assert with_retries(Failing(slow)) == 2
    assert with_retries(mixed) == 4
    assert (twice.calls, clock.slept) == (2, [0.1, 0.1, 0.1, 0.4, 1.6])


def test_a_change_that_times_out_is_repeated_as_before(clock: Clock) -> None:
    assert with_retries(Failing(*[AnswerLost("slow", changes=True, timed_out=True)] * 3)) == 4
    assert clock.slept == [0.1, 0.4, 1.6]


def test_a_server_that_has_answered_nothing_is_not_asked_again(clock: Clock) -> None:
    failing = Failing(AnswerLost("slow", changes=True, timed_out=True, waited=True))

    with pytest.raises(AnswerLost, match="may have been carried out"):
        with_retries(failing)
    assert (failing.calls, clock.slept) == (1, [])


def test_an_attempt_that_was_not_sent_does_not_hide_one_that_may_have_been_carried_out(clock: Clock) -> None:
    slow, unsent = AnswerLost("slow", changes=True, timed_out=True), EngineUnreachable("not sent", waited=True)

    with pytest.raises(AnswerLost, match="slow; the request may have been carried out"):
        with_retries(Failing(slow, unsent))
    assert clock.slept == [0.1]
