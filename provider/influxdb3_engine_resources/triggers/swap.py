"""Replacing a trigger's definition, since the server has no update: what is live is the old definition or the new one.

A swap is a sequence of steps. A step that fails names what puts the server right, and what is live then: see
`Fallback`.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.triggers.fallback import Fallback
from influxdb3_engine_resources.triggers.first_runs import FirstRuns
from influxdb3_engine_resources.triggers.inputs import label
from influxdb3_engine_resources.triggers.run_ends import (
    notice_of_gap,
    notice_of_overlap,
    wait_for_candidate_run_end,
    wait_for_run_end,
)
from influxdb3_engine_resources.triggers.steps import TriggerSteps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from influxdb3_engine_resources.server.engine import Engine
    from influxdb3_engine_resources.triggers.inputs import TriggerInputs


def carries_over(state: TriggerInputs, inputs: TriggerInputs) -> bool:
    """Whether the new definition takes over without a gap: both run on writes, and may run beside each other."""
    return state.runs_on_writes and inputs.runs_on_writes and inputs.handover != "cut"


def swap(state: TriggerInputs, inputs: TriggerInputs, engine: Engine, runs: FirstRuns) -> None:
    """Put a new definition in the place of a live one.

    Args:
        state: The definition that is live.
        inputs: The new definition; it may have another name or database.
        engine: The server of both.
        runs: The first runs of the new definition; a failed one puts the old definition back.

    Raises:
        NothingLive: The swap failed, and the old definition is gone, too.
        ResourceError: The swap failed; the text says what is live.
    """
    steps = _Swap(state, inputs, engine, runs)
    if carries_over(state, inputs):
        wait_for_run_end(state, engine)
        with engine.stopping:
            steps.carry()
    else:
        steps.cut()
    failure = runs.failure()
    if failure:
        with engine.stopping:
            outcome = steps.roll_back()
        raise ResourceError(f"{label(inputs)} failed when its new definition first ran. {outcome}: {failure}")


class _Swap:
    """The steps of one swap; the arguments are those of `swap`."""

    def __init__(self, state: TriggerInputs, inputs: TriggerInputs, engine: Engine, runs: FirstRuns) -> None:
        self._state, self._inputs, self._engine, self._runs = state, inputs, engine, runs
        self._old, self._new = TriggerSteps(engine, state.db), TriggerSteps(engine, inputs.db)
        self._candidate = inputs.candidate(disabled=not carries_over(state, inputs))
        self._fallback = Fallback(state, self._old, self._candidate, self._new)

    def carry(self) -> None:
        """Hand writes over: six requests, and at each flush of the server one definition is enabled.

        A flush reaches the triggers that are enabled when it happens. Stopping a trigger may take until the next
        flush, which the trigger does not get. The candidate gets it: it is enabled by then. Measured on a real server:
        of 2,087 rows none was lost, and none was processed twice.
        """
        candidate, fallback = self._candidate, self._fallback

        # 1. The candidate starts beside the old definition. The server has accepted the new definition then.
        with _step(lambda error: fallback.refused(self._inputs, error, fallback.take_candidate_down())):
            self._runs.begin(candidate.trigger_name)
            both_since = _now()
            self._new.create_candidate(candidate.body())

        # 2. The old definition goes. The candidate gets all writes from now on.
        with _step(lambda error: fallback.unchanged(error, fallback.revive_beside_candidate())):
            stopped = self._take_old_down()
        notice_of_overlap(self._inputs, both_since, stopped)
        wait_for_candidate_run_end(candidate, self._engine)

        # 3. The new definition starts under its own name, beside the candidate.
        both_since = _now()
        with _step(lambda error: fallback.unchanged(error, fallback.put_back_beside_candidate())):
            self._new.create(self._inputs.body())

        # 4. The candidate goes. The new definition gets all writes from now on.
        with _step(lambda error: fallback.candidate_stays(self._inputs, error)):
            stopped = self._new.take_down(candidate.trigger_name)
        notice_of_overlap(self._inputs, both_since, stopped)

    def cut(self) -> None:
        """Take the old definition away and create the new one: five requests, of which the last are quick.

        For triggers that cannot run beside each other: two on one request path take it from each other, and two on
        one schedule run twice.
        """
        fallback = self._fallback

        # 1. The server checks the new definition: it creates a disabled candidate, which is deleted again.
        with _step(lambda error: fallback.refused(self._inputs, error)):
            self._new.validate(self._candidate.body())

        wait_for_run_end(self._state, self._engine)
        with self._engine.stopping, notice_of_gap(self._state, self._inputs):
            # 2. The old definition goes.
            with _step(lambda error: fallback.unchanged(error, fallback.revive())):
                if self._state.served_path:  # requests to its path fail until step 3: one request instead of two
                    self._old.delete(self._state.trigger_name, force=True)
                    self._runs.begin()
                else:
                    self._take_old_down()

            # 3. The new definition comes.
            with _step(lambda error: fallback.unchanged(error, fallback.put_back())):
                self._new.create(self._inputs.body())

    def roll_back(self) -> str:
        """Put the old definition in the place of the new one, whose run failed; returns what is live."""
        if self._state.body() == self._inputs.body():
            return "It is live, since its definition is what it was"
        if not carries_over(self._state, self._inputs):
            return remove_failed(self._inputs, self._new) or self._fallback.put_back().text
        try:
            unwatched = FirstRuns(self._state.model_copy(update={"watch": None}), self._engine)
            _Swap(self._inputs, self._state, self._engine, unwatched).carry()
        except ResourceError as error:
            return f"It may be live all the same, since the previous definition could not be put back ({error})"
        return "The previous definition is live again"

    def _take_old_down(self) -> datetime | None:
        # a run of the old definition may log an error when it is stopped: the watch begins after that
        name, force = self._state.trigger_name, self._state.force_delete
        return self._old.take_down(name, force=force, once_stopped=self._runs.begin)


def remove_failed(inputs: TriggerInputs, steps: TriggerSteps) -> str | None:
    """Delete a new definition whose run failed; returns why it may still be live, or None."""
    try:
        steps.take_down(inputs.trigger_name, force=True)
    except EngineApiError as error:
        return f"It may be live all the same, since it could not be deleted ({with_remedy(error)}): delete it by hand"
    return None


@contextmanager
def _step(failed: Callable[[EngineApiError], ResourceError]) -> Iterator[None]:
    """One step of a swap.

    Args:
        failed: Called when the step fails: puts the server right, and returns the error that says what is live.
    """
    try:
        yield
    except EngineApiError as error:
        raise failed(error) from error


def _now() -> datetime:
    return datetime.now(UTC)
