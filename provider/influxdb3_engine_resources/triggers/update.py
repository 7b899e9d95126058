"""Updating a trigger: enable or disable it, swap its definition, restart it, or watch its new code."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from influxdb3_engine_api import EngineApiError, NotFound
from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.triggers.fallback import start_again
from influxdb3_engine_resources.triggers.first_runs import FirstRuns
from influxdb3_engine_resources.triggers.inputs import NOT_IN_DEFINITION, label
from influxdb3_engine_resources.triggers.request_paths import path_is_served
from influxdb3_engine_resources.triggers.run_ends import notice_of_gap, wait_for_run_end, wait_if_runs_block
from influxdb3_engine_resources.triggers.steps import TriggerSteps
from influxdb3_engine_resources.triggers.swap import carries_over, swap
from influxdb3_engine_resources.triggers.watched_code import WatchedCode

if TYPE_CHECKING:
    from influxdb3_engine_resources.server.engine import Engine
    from influxdb3_engine_resources.triggers.inputs import TriggerInputs


class Change(Enum):
    """The smallest change that makes a definition live; the value says what happens to the trigger."""

    SWITCH = "enabled or disabled"
    SWAP = "swapped"
    RESTART = "restarted"
    NONE = "stored"


def smallest_change(changed: set[str]) -> Change:
    """How to bring about a change of these properties."""
    definition = changed - NOT_IN_DEFINITION
    if definition == {"disabled"}:
        return Change.SWITCH
    if definition:
        return Change.SWAP
    return Change.RESTART if "restart_on" in changed else Change.NONE


def update_trigger(state: TriggerInputs, inputs: TriggerInputs, changed: set[str], engine: Engine) -> None:
    """Turn a live trigger into its new definition by the smallest change.

    ::

        changed                       change
        only disabled                 enable or disable it
        its definition                swap
        restart_on                    restart it
        the code of a watched plugin  watch its first runs

    Args:
        state: The live definition.
        inputs: The new definition, with the same name and database.
        changed: The properties that differ.
        engine: The server.

    Raises:
        ResourceError: The change failed; says what is live.
    """
    steps = TriggerSteps(engine, inputs.db)
    if inputs.served_path != state.served_path:
        refuse_a_served_path(inputs, engine)
    code = None
    if "plugin_sha256" in changed and "plugin_filename" not in changed:
        code = _deployed_code(state, inputs, engine)
    runs = FirstRuns(inputs, engine, code)
    change = smallest_change(changed)
    if change is Change.SWITCH:
        _enable_or_disable(state, inputs, steps, runs)
    elif change is Change.SWAP or ("left_candidate" in changed and steps.live(inputs.trigger_name) is None):
        swap(state, inputs, engine, runs)
    elif change is Change.RESTART and not inputs.disabled:
        _restart(state, inputs, steps, runs)
    elif code:
        _watch_new_code(inputs, runs)
    if "left_candidate" in changed:
        _remove_left_candidate(inputs, steps)


def refuse_a_served_path(inputs: TriggerInputs, engine: Engine) -> None:
    """Refuse a request path that another trigger serves: two triggers on one path disturb each other.

    Raises:
        ResourceError: Names the other trigger.
        EngineApiError: The server could not be asked.
    """
    path = inputs.served_path
    if path is None:
        return
    declared = engine.program.paths
    engine.served_paths.wait_until_given_up(path, declared.predecessors(path, inputs.owner))
    # refuses even if another resource has just given the path up: the outcome must not depend on timing
    other = engine.served_paths.other_owner(path, {inputs.owner}) or declared.too_late(path, inputs.owner)
    if other:
        raise ResourceError(f"{label(inputs)} was not deployed: {path_is_served(other)}")


def _enable_or_disable(state: TriggerInputs, inputs: TriggerInputs, steps: TriggerSteps, runs: FirstRuns) -> None:
    """Enable or disable the trigger. If its first run fails, it is disabled again."""
    _remove_left_candidate(inputs, steps)
    try:
        if inputs.disabled:
            wait_if_runs_block(state, steps.engine)
        runs.begin()
        try:
            with steps.engine.stopping:
                steps.set_enabled(inputs.trigger_name, enabled=not inputs.disabled)
        except NotFound:  # somebody has deleted it by hand
            steps.create(inputs.body())
    except EngineApiError as error:
        wanted = "disabled" if inputs.disabled else "enabled"
        raise ResourceError(f"{label(inputs)} was not {wanted}: {with_remedy(error)}") from error
    failure = runs.failure()
    if failure:
        raise ResourceError(f"{label(inputs)} failed when it first ran. {_disable_again(inputs, steps)}: {failure}")


def _disable_again(inputs: TriggerInputs, steps: TriggerSteps) -> str:
    try:
        steps.set_enabled(inputs.trigger_name, enabled=False)
    except EngineApiError as error:
        return f"It may still be enabled, since it could not be disabled ({with_remedy(error)})"
    return "It is disabled again"


def _restart(state: TriggerInputs, inputs: TriggerInputs, steps: TriggerSteps, runs: FirstRuns) -> None:
    """Stop and start a trigger, so that its plugin's cache is empty. If that fails, it is started again."""
    if carries_over(state, inputs):
        swap(state, inputs, steps.engine, runs)
        return
    wait_for_run_end(state, steps.engine)
    try:
        with steps.engine.stopping, notice_of_gap(state, inputs):
            steps.set_enabled(inputs.trigger_name, enabled=False)
            runs.begin()
            steps.set_enabled(inputs.trigger_name, enabled=True)
    except EngineApiError as error:
        outcome = start_again(state, steps).text.rstrip(". ")
        raise ResourceError(f"{label(inputs)} was not restarted: {with_remedy(error)}. {outcome}") from error
    failure = runs.failure()
    if failure:
        raise ResourceError(f"{label(inputs)} failed when it first ran after its restart. It is live: {failure}")


def _watch_new_code(inputs: TriggerInputs, runs: FirstRuns) -> None:
    """Watch the first runs of new code behind an unchanged definition."""
    try:
        runs.begin()
    except EngineApiError as error:
        raise ResourceError(f"{label(inputs)} has its new code and was not watched: {with_remedy(error)}") from error
    failure = runs.failure()
    if failure:
        raise ResourceError(f"{label(inputs)} failed when its new code first ran. {failure}")


def _deployed_code(state: TriggerInputs, inputs: TriggerInputs, engine: Engine) -> WatchedCode | None:
    """The new code; None if the trigger has run it before."""
    code = WatchedCode(inputs.plugin_filename, state.plugin_sha256, engine)
    return code if code.deploy(label(inputs)) else None


def _remove_left_candidate(inputs: TriggerInputs, steps: TriggerSteps) -> None:
    try:
        steps.remove_left_candidate(inputs.trigger_name)
    except EngineApiError as error:
        raise ResourceError(
            f"{label(inputs)} may still have a candidate that an earlier deployment left, since it could not be "
            f"removed: {with_remedy(error)}"
        ) from error
