"""Replacing a trigger's definition, since the server has no update: what is live is the old or the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_engine_api import Conflict, EngineApiError, NotFound
from pulumi_influxdb3_engine.logic.lock_down import explained
from pulumi_influxdb3_engine.logic.resource import ResourceError
from pulumi_influxdb3_engine.logic.trigger_inputs import label

if TYPE_CHECKING:
    from pulumi_influxdb3_engine.logic.first_runs import FirstRuns
    from pulumi_influxdb3_engine.logic.trigger_changes import TriggerChanges
    from pulumi_influxdb3_engine.logic.trigger_inputs import TriggerInputs

_REFRESH = "once the engine answers, 'pulumi up --refresh' mends it"


def swap(state: TriggerInputs, inputs: TriggerInputs, changes: TriggerChanges, runs: FirstRuns | None) -> None:
    """Validate the new definition, take the old one away and create the new one: five requests.

    Args:
        state: The definition that is live.
        inputs: The one that is wanted.
        changes: Changes of their database (measured: the last three requests take about 2 ms).
        runs: Watches the first runs, where that is asked for: one request more, and one failure puts the old
            definition back.

    Raises:
        ResourceError: It was not replaced; says what is live.
    """
    try:
        changes.validate(inputs.body())
    except NotFound as error:
        raise ResourceError(
            f"{label(inputs)} cannot be changed: {explained(error)}. "
            "Neither definition is live: 'pulumi up --refresh' creates it"
        ) from error
    except EngineApiError as error:
        raise ResourceError(
            f"{label(inputs)} cannot be changed, the definition that was live before stays so: {explained(error)}"
        ) from error
    try:
        # a run of the old definition that is stopped may log an error, which is none of the new one's
        changes.remove(state.trigger_name, force=state.force_delete, once_stopped=runs.begin if runs else None)
    except EngineApiError as error:
        raise ResourceError(f"{label(state)} was not changed: {explained(error)}. {_revive(state, changes)}") from error
    try:
        changes.create(inputs.body())
    except EngineApiError as error:
        raise ResourceError(
            f"{label(state)} was not changed: {explained(error)}. {_put_back(state, changes)}"
        ) from error
    failure = runs.failure() if runs else None
    if failure:
        outcome = _taken_back(inputs, changes) or _put_back(state, changes)
        raise ResourceError(f"{label(inputs)} failed when its new definition first ran. {outcome}: {failure}")


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


def _revive(state: TriggerInputs, changes: TriggerChanges) -> str:
    """After a removal that failed half-way: start the old trigger again if it is there, and say what is live."""
    try:
        changes.set_enabled(state.trigger_name, enabled=not state.disabled)
    except NotFound:
        return _put_back(state, changes)
    except EngineApiError as error:
        reason = explained(error)
        return f"The previous definition may be disabled, or gone, as the server does not tell ({reason}): {_REFRESH}"
    return "The previous definition is live"


def _put_back(state: TriggerInputs, changes: TriggerChanges) -> str:
    """After a creation that failed: create the old definition again, and say what is live."""
    try:
        changes.create(state.body())
    except Conflict:
        return f"A trigger of that name is live, the server says: {_REFRESH}"
    except EngineApiError as error:
        reason = explained(error)
        return f"It is not live, since the previous definition could not be put back either ({reason}): {_REFRESH}"
    return "The previous definition is live again"
