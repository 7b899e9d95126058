"""Replacing a trigger's definition, since the server has no update: what is live is the old or the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from influxdb3_engine_api import Conflict, EngineApiError, NotFound
from pulumi_influxdb3_engine.logic.lock_down import explained
from pulumi_influxdb3_engine.logic.resource import ResourceError
from pulumi_influxdb3_engine.logic.trigger_changes import TriggerChanges
from pulumi_influxdb3_engine.logic.trigger_inputs import label

if TYPE_CHECKING:
    from pulumi_influxdb3_engine.logic.engine import Engine
    from pulumi_influxdb3_engine.logic.first_runs import FirstRuns
    from pulumi_influxdb3_engine.logic.trigger_inputs import TriggerInputs

_REFRESH = "once the engine answers, 'pulumi up --refresh' mends it"


class NothingLive(ResourceError):
    """Neither the old definition nor the new one is live."""


class Outcome(NamedTuple):
    """What is live after a failure: the text that says so, and whether anything is."""

    text: str
    live: bool = True


def swap(state: TriggerInputs, inputs: TriggerInputs, engine: Engine, runs: FirstRuns | None) -> None:
    """Validate the new definition, take the old one away and create the new one: five requests.

    Measured on a real server: the last three requests take about 2 ms.

    Args:
        state: The definition that is live.
        inputs: The one that is wanted; it may have another name or database.
        engine: Where both are.
        runs: Watches the first runs, where that is asked for: one request more, and one failure puts the old
            definition back.

    Raises:
        NothingLive: It was not replaced, and the old definition is gone, too.
        ResourceError: It was not replaced; says what is live.
    """
    old, new = TriggerChanges(engine, state.db), TriggerChanges(engine, inputs.db)
    try:
        new.validate(inputs.body())
    except EngineApiError as error:
        if isinstance(error, NotFound) and state.db == inputs.db:
            raise NothingLive(
                f"{label(inputs)} cannot be changed: {explained(error)}. "
                "Neither definition is live: 'pulumi up --refresh' creates it"
            ) from error
        raise ResourceError(
            f"{label(inputs)} cannot be deployed, the definition that was live before stays so: {explained(error)}"
        ) from error
    try:
        # a run of the old definition that is stopped may log an error, which is none of the new one's
        old.remove(state.trigger_name, force=state.force_delete, once_stopped=runs.begin if runs else None)
    except EngineApiError as error:
        raise _unchanged(state, explained(error), _revive(state, old)) from error
    try:
        new.create(inputs.body())
    except EngineApiError as error:
        raise _unchanged(state, explained(error), _put_back(state, old)) from error
    failure = runs.failure() if runs else None
    if failure:
        outcome = _taken_back(inputs, new) or _put_back(state, old).text
        raise ResourceError(f"{label(inputs)} failed when its new definition first ran. {outcome}: {failure}")


def _unchanged(state: TriggerInputs, reason: str, outcome: Outcome) -> ResourceError:
    kind = ResourceError if outcome.live else NothingLive
    return kind(f"{label(state)} was not changed: {reason}. {outcome.text}")


def take_back(inputs: TriggerInputs, changes: TriggerChanges, failure: str) -> None:
    """Delete a trigger that was just created and whose first run failed.

    Raises:
        ResourceError: Always; says whether it is live.
    """
    outcome = _taken_back(inputs, changes) or "It was deleted again"
    raise ResourceError(f"{label(inputs)} failed when it first ran. {outcome}: {failure}")


def stop_again(inputs: TriggerInputs, changes: TriggerChanges, failure: str) -> None:
    """Disable a trigger that was just enabled and whose first run failed.

    Raises:
        ResourceError: Always; says whether it is live.
    """
    try:
        changes.set_enabled(inputs.trigger_name, enabled=False)
        outcome = "It is disabled again"
    except EngineApiError as error:
        outcome = f"It may be enabled all the same, since it could not be disabled ({explained(error)})"
    raise ResourceError(f"{label(inputs)} failed when it first ran. {outcome}: {failure}")


def _taken_back(inputs: TriggerInputs, changes: TriggerChanges) -> str | None:
    """After a run that failed: remove the new definition; why that failed, or ``None``."""
    try:
        changes.remove(inputs.trigger_name, force=True)
    except EngineApiError as error:
        return f"It may be live all the same, since it could not be deleted ({explained(error)}): delete it by hand"
    return None


def _revive(state: TriggerInputs, changes: TriggerChanges) -> Outcome:
    """After a removal that failed half-way: start the old trigger again if it is there, and say what is live."""
    try:
        changes.set_enabled(state.trigger_name, enabled=not state.disabled)
    except NotFound:
        return _put_back(state, changes)
    except EngineApiError as error:
        reason = explained(error)
        return Outcome(
            f"The previous definition may be disabled, or gone, as the server does not tell ({reason}): {_REFRESH}"
        )
    return Outcome("The previous definition is live")


def _put_back(state: TriggerInputs, changes: TriggerChanges) -> Outcome:
    """After a creation that failed: create the old definition again, and say what is live."""
    try:
        changes.create(state.body())
    except Conflict:
        return Outcome(f"A trigger of that name is live, the server says: {_REFRESH}")
    except EngineApiError as error:
        reason = explained(error)
        return Outcome(
            f"It is not live, since the previous definition could not be put back either ({reason}): {_REFRESH}",
            live=False,
        )
    return Outcome("The previous definition is live again")
