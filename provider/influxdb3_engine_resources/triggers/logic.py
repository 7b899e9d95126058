"""The logic of triggers: at any time one definition is live, the old one or the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_engine_api import Conflict, EngineApiError, ErrorBehavior, paths
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_api.specification import Request, parse
from influxdb3_engine_resources.errors import Failure, InvalidInputs, NothingLive, ResourceError
from influxdb3_engine_resources.inputs import UNKNOWN, Unknown, is_known
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.plugins.clean_up import remove_superseded
from influxdb3_engine_resources.resource import Created, Difference, Live, ResourceLogic
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.triggers.adoption import adoption_notice, conflict_reason
from influxdb3_engine_resources.triggers.fallback import remove_failed
from influxdb3_engine_resources.triggers.first_runs import FirstRuns
from influxdb3_engine_resources.triggers.inputs import (
    NOT_ON_SERVER,
    ONLY_FOR_US,
    TriggerInputs,
    adopted,
    asked_for,
    described,
    label,
)
from influxdb3_engine_resources.triggers.missing_tables import warn_of_a_missing_table
from influxdb3_engine_resources.triggers.needed_modules import refuse_missing_modules
from influxdb3_engine_resources.triggers.online_checks import OnlineChecks
from influxdb3_engine_resources.triggers.plugin_header import compare_with_plugin, tell_of_schedule
from influxdb3_engine_resources.triggers.request_paths import path_is_taken
from influxdb3_engine_resources.triggers.run_ends import wait_for_run_end, wait_if_runs_block
from influxdb3_engine_resources.triggers.steps import TriggerSteps
from influxdb3_engine_resources.triggers.swap import swap
from influxdb3_engine_resources.triggers.update import refuse_a_served_path, update_trigger

if TYPE_CHECKING:
    from collections.abc import Hashable

    from influxdb3_engine_resources.configuration import Configuration
    from influxdb3_engine_resources.inputs import Properties
    from influxdb3_engine_resources.program import Program
    from influxdb3_engine_resources.server.engine import Engine

_IDENTITY = ("db", "trigger_name")


class TriggerLogic(ResourceLogic[TriggerInputs]):
    """Triggers (contract 1.2 to 1.4)."""

    inputs_type = TriggerInputs

    def identity(self, inputs: TriggerInputs) -> Hashable:
        """The database and the name."""
        return ("trigger", inputs.owner)

    def check(self, inputs: TriggerInputs, program: Program) -> TriggerInputs:
        """Compute ``endpoint_url``; refuse a missing entry point, and a request path that is declared twice."""
        host = _host(inputs, program.configuration)
        if is_known(properties := inputs.properties()) and program.triggers.declare(inputs.owner, properties):
            reason = (
                f"another Trigger of this program is the {label(inputs)} with another definition: change trigger_name"
            )
            raise InvalidInputs([Failure(property="trigger_name", reason=reason)])
        if inputs.watch is not None and inputs.known("plugin_filename"):
            inputs = inputs.model_copy(update={"plugin_sha256": program.code_sha256(inputs.plugin_filename)})
        if not inputs.known("trigger_specification"):
            return inputs
        specification = parse(inputs.trigger_specification)
        if inputs.known("plugin_filename"):
            source = program.sources.find(inputs.plugin_filename)
            problem = source.problem(specification.plugin_type) if source else None
            if problem:
                on = "requests" if isinstance(specification, Request) else repr(inputs.trigger_specification)
                reason = f"{inputs.plugin_filename} cannot run on {on}: {problem}"
                raise InvalidInputs([Failure(property="plugin_filename", reason=reason)])
            if source and (failures := compare_with_plugin(inputs, specification, source)):
                raise InvalidInputs(failures)
        if not isinstance(specification, Request):
            return inputs
        if inputs.known("db", "trigger_name", "disabled") and not inputs.disabled:
            other = program.paths.declare(specification.path, inputs.owner)
            if other is not None:
                raise InvalidInputs([Failure(property="trigger_specification", reason=path_is_taken(other))])
        url = host if isinstance(host, Unknown) else host + paths.engine(specification.path)
        return inputs.model_copy(update={"endpoint_url": url})

    def check_new(self, inputs: TriggerInputs, program: Program) -> None:
        """Refuse a second trigger of one name."""
        if inputs.known("db", "trigger_name") and program.new_triggers.declare(inputs.owner, object()):
            reason = f"another Trigger of this program is the {label(inputs)}, too: change trigger_name"
            raise InvalidInputs([Failure(property="trigger_name", reason=reason)])
        tell_of_schedule(inputs)

    def check_old(self, inputs: TriggerInputs, state: TriggerInputs, program: Program) -> None:
        """Note the name and the path that it gives up, unless it is deleted after others are created."""
        if inputs.known("trigger_specification", "disabled") and inputs.schedule != state.schedule:
            tell_of_schedule(inputs)
        difference = self.diff(state, inputs)
        if difference.replaces and not difference.delete_before_replace:
            return
        if inputs.owner != state.owner:
            program.given_up.add(state.owner)
        path = state.served_path
        known = inputs.known("trigger_specification", "disabled")
        if path and not (known and (inputs.owner, inputs.served_path) == (state.owner, path)):
            program.paths.give_up(path, state.owner)
        if path and known and path == inputs.served_path:
            program.paths.declare(path, inputs.owner)  # it succeeds itself

    def check_online(self, inputs: TriggerInputs, state: TriggerInputs | None, engine: Engine) -> None:
        """Refuse what the server lacks; show what an adoption will change."""
        failures = []
        if state is None and inputs.known("db", "trigger_name") and inputs.owner not in engine.program.given_up:
            live = TriggerSteps(engine, inputs.db).before(inputs.trigger_name)
            if live is not None and engine.adopts(inputs) is True:  # adopt may be unknown
                notice(adoption_notice(live, inputs))
            elif live is not None and not engine.adopts(inputs):
                failures.append(Failure(property="trigger_name", reason=conflict_reason(live, inputs)))
        if engine.configuration.online_checks:
            failures += OnlineChecks(inputs, state, engine).failures()
        if failures:
            raise InvalidInputs(failures)

    def diff(self, state: TriggerInputs, inputs: TriggerInputs) -> Difference:
        """A new name or database is another trigger; Pulumi deletes first, so that ``make_way`` is called."""
        changed = state.changed(inputs, ONLY_FOR_US)
        replaces = tuple(name for name in _IDENTITY if name in changed)
        return Difference(bool(changed), replaces, delete_before_replace=True)

    def create(self, inputs: TriggerInputs, engine: Engine) -> Created:
        """Create the trigger: one request. The first request trigger of a process needs one query for each database."""
        id_ = f"{inputs.db}/{inputs.trigger_name}"
        replaces_another = self.identity(inputs) in engine.replaced
        if replaces_another and inputs.owner in engine.claimed:
            return Created(id_)
        steps, runs = TriggerSteps(engine, inputs.db), FirstRuns(inputs, engine)
        try:
            if engine.adopts(inputs) and not replaces_another and self._exists_unchanged(inputs, steps):
                _deployed(inputs, engine)
                engine.claimed.add(inputs.owner)
                return Created(id_)
            refuse_a_served_path(inputs, engine)
            refuse_missing_modules(inputs, engine)
            runs.begin()
            steps.create(inputs.body())
        except Conflict:
            self._adopt(inputs, engine)
        except EngineApiError as error:
            nothing = (
                ". Nothing is live, since the trigger that it replaces is gone. To create it: pulumi up"
                if replaces_another
                else ""
            )
            raise ResourceError(f"{label(inputs)} was not created: {with_remedy(error)}{nothing}") from error
        else:
            failure = runs.failure()
            if failure:
                outcome = remove_failed(inputs, steps) or "It was deleted again"
                raise ResourceError(f"{label(inputs)} failed when it first ran. {outcome}: {failure}")
        _deployed(inputs, engine)
        engine.claimed.add(inputs.owner)
        return Created(id_)

    def read(self, state: TriggerInputs, outputs: Properties, engine: Engine) -> Live[TriggerInputs] | None:
        """Read the trigger from the system tables, which lack ``run_async`` and ``node_spec``: these are kept."""
        steps, candidate = TriggerSteps(engine, state.db), state.candidate(disabled=False).trigger_name
        left = steps.live(candidate)
        live = steps.live(state.trigger_name) or left
        if live is None:
            return None
        inputs = described(live, state)
        inputs = inputs.model_copy(update={"left_candidate": None if left is None else candidate})
        if left is not None:
            runs = "disabled" if left.row.disabled else "enabled, so that it may run twice"
            notice(
                f"{label(state)}: a deployment that was killed has left its candidate {candidate!r}, which is {runs}. "
                "To remove it: pulumi up"
            )
        if inputs.disabled and not state.disabled and live.row.error_behavior == ErrorBehavior.DISABLE:
            notice(f"{label(state)} was disabled by its error_behavior after an error: {_last_error(state, engine)}")
        return Live(inputs, outputs)

    def found(self, id_: str, engine: Engine) -> Live[TriggerInputs]:
        """A trigger by ``DATABASE/NAME``; ``run_async`` and ``node_spec``, which no server lists, count as not set."""
        asked = asked_for(id_)
        steps = TriggerSteps(engine, asked.db)
        live = steps.live(asked.trigger_name) or steps.live(asked.trigger_name, fresh=True)
        if live is None:
            raise ResourceError(f"there is no {label(asked)} on {engine.client.host_url}")
        inputs = adopted(live, asked)
        specification = parse(inputs.trigger_specification)
        url = None
        if isinstance(specification, Request):
            url = engine.configuration.host_url + paths.engine(specification.path)
        return Live(inputs.model_copy(update={"endpoint_url": url}))

    def update(self, state: TriggerInputs, inputs: TriggerInputs, engine: Engine) -> Properties:
        """Make the smallest change: enable or disable, swap, restart, or watch new code."""
        if changed := state.changed(inputs, ONLY_FOR_US | {"endpoint_url"}):
            try:
                update_trigger(state, inputs, changed, engine)
            except ResourceError:
                engine.served_paths.note(state.owner, state.served_path)  # other triggers wait for the path no longer
                raise
            _deployed(inputs, engine)
            remove_superseded(engine, state.plugin_filename)
        return {}

    def delete(self, state: TriggerInputs, engine: Engine) -> None:
        """Disable the trigger, so that its plugin stops, then delete it."""
        if engine.configuration.online_checks:
            engine.helper_files.leave()
        if _is_claimed(state, engine):
            return
        self._remove(state, engine)

    def make_way(self, state: TriggerInputs, successor: TriggerInputs, engine: Engine) -> None:
        """Put the successor in place already: a failure here leaves ``state`` live and in the state file.

        Pulumi calls ``create`` next, which finds it done.
        """
        if _is_claimed(state, engine):
            return
        same_path = state.served_path and state.served_path == successor.served_path
        if state.owner == successor.owner or same_path:
            if not same_path:
                refuse_a_served_path(successor, engine)
            try:
                if state.owner != successor.owner and self._exists(successor, engine):
                    # create() adopts it, once the path is free
                    TriggerSteps(engine, successor.db).validate(successor.candidate(disabled=True).body())
                    self._remove(state, engine)
                    return
                swap(state, successor, engine, FirstRuns(successor, engine))
            except NothingLive:
                engine.served_paths.note(state.owner, None)
                return
            engine.served_paths.note(state.owner, None)
            _deployed(successor, engine)
            engine.claimed.add(successor.owner)
        else:
            self.create(successor, engine)
            wait_for_run_end(state, engine)
            try:
                self._remove(state, engine)
            except ResourceError:
                engine.claimed.discard(successor.owner)
                self._remove(successor, engine)
                raise
        remove_superseded(engine, state.plugin_filename)

    def _exists(self, inputs: TriggerInputs, engine: Engine) -> bool:
        """Whether a trigger of that name exists; raises if it must not be adopted."""
        live = TriggerSteps(engine, inputs.db).live(inputs.trigger_name)
        if live is not None and not engine.adopts(inputs):
            raise ResourceError(conflict_reason(live, inputs))
        return live is not None

    def _remove(self, state: TriggerInputs, engine: Engine) -> None:
        try:
            wait_if_runs_block(state, engine)
            TriggerSteps(engine, state.db).remove(state.trigger_name, force=state.force_delete)
        except EngineApiError as error:
            raise ResourceError(f"{label(state)} was not deleted: {with_remedy(error)}") from error
        engine.served_paths.note(state.owner, None)

    def _exists_unchanged(self, inputs: TriggerInputs, steps: TriggerSteps) -> bool:
        """Whether the trigger exists as the program declares it."""
        live = steps.live(inputs.trigger_name)
        return live is not None and not adopted(live, inputs).changed(inputs, NOT_ON_SERVER)

    def _adopt(self, inputs: TriggerInputs, engine: Engine) -> None:
        steps = TriggerSteps(engine, inputs.db)
        # what was read before the conflict is still current
        live = steps.live(inputs.trigger_name) or steps.live(inputs.trigger_name, fresh=True)
        if live is None:
            raise ResourceError(
                f"{label(inputs)} was not created: the server says that it exists, and does not list it. "
                "Try again: pulumi up"
            )
        existing = adopted(live, inputs)
        differing = existing.changed(inputs, NOT_ON_SERVER)
        if not (engine.adopts(inputs) or self._is_ours(inputs, not differing, engine)):
            raise ResourceError(conflict_reason(live, inputs))
        if differing:
            update_trigger(existing, inputs, differing, engine)

    def _is_ours(self, inputs: TriggerInputs, same: bool, engine: Engine) -> bool:
        """Whether this stack has created the trigger, by its state file."""
        state = engine.program.replacements.predecessor(self.identity(inputs))
        if not isinstance(state, TriggerInputs):
            return False
        if state.owner == inputs.owner:
            return True
        # a deployment that renamed it was killed between Pulumi's steps
        return same and TriggerSteps(engine, state.db).live(state.trigger_name, fresh=True) is None


def _is_claimed(state: TriggerInputs, engine: Engine) -> bool:
    claimed = state.owner in engine.claimed
    if claimed:
        notice(f"{label(state)} stays: another resource of this program has adopted it")
    return claimed


def _host(inputs: TriggerInputs, configuration: Configuration) -> str | Unknown:
    """Base URL of the node that runs the trigger: only the nodes of ``node_spec`` serve its path."""
    if not inputs.known("node_spec"):
        return UNKNOWN if configuration.names_nodes else configuration.host_url
    if not isinstance(inputs.node_spec, list):
        return configuration.host_url
    try:
        return configuration.url_of(inputs.node_spec)
    except ValueError as error:
        raise InvalidInputs([Failure(property="node_spec", reason=str(error))]) from None


def _deployed(inputs: TriggerInputs, engine: Engine) -> None:
    """Do what follows when a definition is live."""
    engine.served_paths.note(inputs.owner, inputs.served_path)
    warn_of_a_missing_table(inputs, engine)


def _last_error(state: TriggerInputs, engine: Engine) -> str:
    try:
        rows = engine.client.trigger_logs(state.db, state.trigger_name, limit=1000)
    except EngineApiError as error:
        return f"its log cannot be read ({with_remedy(error)})"
    errors = [row.log_text for row in rows if row.log_level == "ERROR"]
    return shown(errors[-1]) if errors else "its log does not hold the error any more"
