"""What a swap does if one of its steps fails, and what is live afterwards.

::

    handover  step that fails               then                                           live
    carry     1 the candidate starts        remove the candidate                           old
              2 the old definition goes     start or create old, remove the candidate      old, else the candidate
              3 the new definition starts   create old, remove the candidate               old, else the candidate
              4 the candidate goes          nothing: the next 'pulumi up' removes it       new, perhaps the candidate
    cut       1 the server checks the new   nothing: the old definition was not touched    old
              2 the old definition goes     start or create old                            old, else nothing
              3 the new definition starts   create old                                     old, else nothing
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from influxdb3_engine_api import Conflict, EngineApiError, NotFound
from influxdb3_engine_resources.errors import NothingLive, ResourceError
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.triggers.inputs import label
from influxdb3_engine_resources.triggers.steps import TriggerSteps

if TYPE_CHECKING:
    from influxdb3_engine_resources.server.engine import Engine
    from influxdb3_engine_resources.triggers.inputs import TriggerInputs

_REFRESH = "once the server answers, run 'pulumi up --refresh'"


class Outcome(NamedTuple):
    """What is live after a failure: a text that says so, and whether anything is."""

    text: str
    live: bool = True


class Fallback:
    """The reaction to a failed step of a swap: each method puts the server right and returns the error to raise.

    Args:
        state: The old definition.
        inputs: The new definition.
        candidate: The new definition under the candidate's name.
        engine: The server.
    """

    def __init__(self, state: TriggerInputs, inputs: TriggerInputs, candidate: TriggerInputs, engine: Engine) -> None:
        self._state, self._inputs, self._candidate = state, inputs, candidate
        self._old, self._new = TriggerSteps(engine, state.db), TriggerSteps(engine, inputs.db)

    def candidate_not_started(self, error: EngineApiError) -> ResourceError:
        """Step 1 of ``carry`` failed."""
        return self._refused(error, self._remove_candidate())

    def old_not_removed_beside_candidate(self, error: EngineApiError) -> ResourceError:
        """Step 2 of ``carry`` failed."""
        try:
            _start(self._state, self._old)
        except NotFound:
            return self.new_not_started_beside_candidate(error)
        except EngineApiError as failure:
            running = f"The new definition runs as {self._candidate.trigger_name!r}, and the"
            return self._not_changed(error, _unknown(running, failure))
        return self._not_changed(error, Outcome(f"The previous definition is live. {self._remove_candidate()}"))

    def new_not_started_beside_candidate(self, error: EngineApiError) -> ResourceError:
        """Step 3 of ``carry`` failed."""
        try:
            text = f"{_create(self._state, self._old)}. {self._remove_candidate()}"
        except EngineApiError as failure:
            text = (
                f"The new definition is live as {self._candidate.trigger_name!r}, since the previous one could not be "
                f"put back ({with_remedy(failure)}): {_REFRESH}"
            )
        return self._not_changed(error, Outcome(text))

    def candidate_not_removed(self, error: EngineApiError) -> ResourceError:
        """Step 4 of ``carry`` failed."""
        return ResourceError(
            f"{label(self._inputs)} has its new definition, and its candidate {self._candidate.trigger_name!r} may be "
            f"enabled, too, so that writes are processed twice: {with_remedy(error)}. To remove it: pulumi up"
        )

    def refused(self, error: EngineApiError) -> ResourceError:
        """Step 1 of ``cut`` failed."""
        return self._refused(error, "")

    def old_not_removed(self, error: EngineApiError) -> ResourceError:
        """Step 2 of ``cut`` failed."""
        return self._not_changed(error, start_again(self._state, self._old))

    def new_not_started(self, error: EngineApiError) -> ResourceError:
        """Step 3 of ``cut`` failed."""
        return self._not_changed(error, create_again(self._state, self._old))

    def _refused(self, error: EngineApiError, candidate: str) -> ResourceError:
        if isinstance(error, NotFound) and self._state.db == self._inputs.db:
            return NothingLive(
                f"{label(self._inputs)} cannot be changed: {with_remedy(error)}. "
                "Neither definition is live: run 'pulumi up --refresh' to create it"
            )
        return ResourceError(
            f"{label(self._inputs)} cannot be changed, the previous definition stays live: {with_remedy(error)}"
            + (f". {candidate}" if candidate else "")
        )

    def _not_changed(self, error: EngineApiError, outcome: Outcome) -> ResourceError:
        kind = ResourceError if outcome.live else NothingLive
        return kind(f"{label(self._state)} was not changed: {with_remedy(error)}. {outcome.text.rstrip('. ')}")

    def _remove_candidate(self) -> str:
        """Remove the candidate; returns why it may still be there, or an empty text."""
        try:
            self._new.take_down(self._candidate.trigger_name)
        except EngineApiError as error:
            return (
                f"The new definition may be live, too, as {self._candidate.trigger_name!r}, since that could not be "
                f"removed ({with_remedy(error)}). To remove it: pulumi up"
            )
        return ""


def start_again(state: TriggerInputs, steps: TriggerSteps) -> Outcome:
    """Start a definition again that was stopped, or create it again if it is gone."""
    try:
        _start(state, steps)
    except NotFound:
        return create_again(state, steps)
    except EngineApiError as error:
        return _unknown("The", error)
    return Outcome("The previous definition is live")


def create_again(state: TriggerInputs, steps: TriggerSteps) -> Outcome:
    """Create a definition again that was removed."""
    try:
        return Outcome(_create(state, steps))
    except EngineApiError as error:
        reason = with_remedy(error)
        return Outcome(
            f"Nothing is live, since the previous definition could not be put back either ({reason}): {_REFRESH}",
            live=False,
        )


def remove_failed(inputs: TriggerInputs, steps: TriggerSteps) -> str | None:
    """Delete a new definition whose run failed; returns why it may still be live, or None."""
    try:
        steps.take_down(inputs.trigger_name, force=True)
    except EngineApiError as error:
        return f"It may still be live, since it could not be deleted ({with_remedy(error)}): delete it by hand"
    return None


def _start(state: TriggerInputs, steps: TriggerSteps) -> None:
    steps.set_enabled(state.trigger_name, enabled=not state.disabled)


def _create(state: TriggerInputs, steps: TriggerSteps) -> str:
    try:
        steps.create(state.body())
    except Conflict:
        return f"The server says that a trigger of that name is live: {_REFRESH}"
    return "The previous definition is live again"


def _unknown(previous: str, error: EngineApiError) -> Outcome:
    return Outcome(
        f"{previous} previous definition may be disabled or gone, since the server could not be asked "
        f"({with_remedy(error)}): {_REFRESH}"
    )
