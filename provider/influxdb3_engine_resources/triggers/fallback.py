"""What is done when a step of a swap fails, and what is live then."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from influxdb3_engine_api import Conflict, EngineApiError, NotFound
from influxdb3_engine_resources.errors import NothingLive, ResourceError
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.triggers.inputs import label

if TYPE_CHECKING:
    from influxdb3_engine_resources.triggers.inputs import TriggerInputs
    from influxdb3_engine_resources.triggers.steps import TriggerSteps

_REFRESH = "once the engine answers, 'pulumi up --refresh' mends it"


class Outcome(NamedTuple):
    """What is live after a failure: the text that says so, and whether anything is."""

    text: str
    live: bool = True


class Fallback:
    """Puts the server right after a failed step of a swap.

    Args:
        state: The definition that was live before.
        old: Steps in its database.
        candidate: The new definition under its first name.
        new: Steps in the candidate's database.
    """

    def __init__(self, state: TriggerInputs, old: TriggerSteps, candidate: TriggerInputs, new: TriggerSteps) -> None:
        self._state, self._old, self._candidate, self._new = state, old, candidate, new

    def refused(self, inputs: TriggerInputs, error: EngineApiError, candidate: str = "") -> ResourceError:
        """The server did not accept the new definition: the old one was not touched.

        Args:
            inputs: The new definition.
            error: The server's answer.
            candidate: What may be left of the candidate.
        """
        if isinstance(error, NotFound) and self._state.db == inputs.db:
            return NothingLive(
                f"{label(inputs)} cannot be changed: {with_remedy(error)}. "
                "Neither definition is live: 'pulumi up --refresh' creates it"
            )
        return ResourceError(
            f"{label(inputs)} cannot be changed, the definition that was live before stays so: {with_remedy(error)}"
            + (f". {candidate}" if candidate else "")
        )

    def unchanged(self, error: EngineApiError, outcome: Outcome) -> ResourceError:
        """The old definition was touched, and the new one has not taken its place."""
        kind = ResourceError if outcome.live else NothingLive
        return kind(f"{label(self._state)} was not changed: {with_remedy(error)}. {outcome.text.rstrip('. ')}")

    def candidate_stays(self, inputs: TriggerInputs, error: EngineApiError) -> ResourceError:
        """The new definition is live, and its candidate may run beside it."""
        return ResourceError(
            f"{label(inputs)} has its new definition, and its candidate {self._candidate.trigger_name!r} may be "
            f"enabled, too, so that writes are processed twice: {with_remedy(error)}. The next 'pulumi up' removes it"
        )

    def take_candidate_down(self) -> str:
        """Remove the candidate that may run beside the old definition; returns why it may still be there, or ``""``."""
        try:
            self._new.take_down(self._candidate.trigger_name)
        except EngineApiError as error:
            return (
                f"The new definition may be live, too, as {self._candidate.trigger_name!r}, since that could not be "
                f"removed ({with_remedy(error)}): the next 'pulumi up' mends it"
            )
        return ""

    def revive(self) -> Outcome:
        """Start the old definition again after a removal that failed half-way."""
        return revive(self._state, self._old)

    def revive_beside_candidate(self) -> Outcome:
        """As ``revive``; the candidate goes, unless nothing else may be live."""
        try:
            _start(self._state, self._old)
        except NotFound:
            return self.put_back_beside_candidate()
        except EngineApiError as error:
            return _unknown(f"The new definition runs as {self._candidate.trigger_name!r}, and the", error)
        return Outcome(f"The previous definition is live. {self.take_candidate_down()}")

    def put_back(self) -> Outcome:
        """Create the old definition again after the new one could not be created."""
        return _put_back(self._state, self._old)

    def put_back_beside_candidate(self) -> Outcome:
        """As ``put_back``; the candidate goes, unless nothing else is live."""
        try:
            outcome = _create(self._state, self._old)
        except EngineApiError as error:
            return Outcome(
                f"The new definition is live as {self._candidate.trigger_name!r}, since the previous one could not be "
                f"put back ({with_remedy(error)}): {_REFRESH}"
            )
        return Outcome(f"{outcome}. {self.take_candidate_down()}")


def revive(state: TriggerInputs, steps: TriggerSteps) -> Outcome:
    """Start a trigger again after it was stopped, and a later step failed."""
    try:
        _start(state, steps)
    except NotFound:
        return _put_back(state, steps)
    except EngineApiError as error:
        return _unknown("The", error)
    return Outcome("The previous definition is live")


def _put_back(state: TriggerInputs, steps: TriggerSteps) -> Outcome:
    try:
        return Outcome(_create(state, steps))
    except EngineApiError as error:
        reason = with_remedy(error)
        return Outcome(
            f"It is not live, since the previous definition could not be put back either ({reason}): {_REFRESH}",
            live=False,
        )


def _start(state: TriggerInputs, steps: TriggerSteps) -> None:
    steps.set_enabled(state.trigger_name, enabled=not state.disabled)


def _create(state: TriggerInputs, steps: TriggerSteps) -> str:
    try:
        steps.create(state.body())
    except Conflict:
        return f"A trigger of that name is live, the server says: {_REFRESH}"
    return "The previous definition is live again"


def _unknown(previous: str, error: EngineApiError) -> Outcome:
    return Outcome(
        f"{previous} previous definition may be disabled, or gone, as the server does not tell ({with_remedy(error)}): "
        f"{_REFRESH}"
    )
