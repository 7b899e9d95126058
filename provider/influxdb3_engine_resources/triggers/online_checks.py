"""What a preview asks the server about triggers, if the stack sets ``influxdb3:onlineChecks``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_engine_api import ErrorBehavior, PluginType
from influxdb3_engine_api.specification import parse
from influxdb3_engine_resources.errors import Failure, ProbeFailed
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.server.remedies import NO_NEW_PLUGINS
from influxdb3_engine_resources.triggers.inputs import NOT_IN_DEFINITION, label
from influxdb3_engine_resources.triggers.missing_tables import warn_of_a_missing_table
from influxdb3_engine_resources.triggers.needed_modules import missing_modules
from influxdb3_engine_resources.triggers.request_paths import path_is_served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_engine_api import Specification
    from influxdb3_engine_resources.server.engine import Engine
    from influxdb3_engine_resources.triggers.inputs import TriggerInputs


class OnlineChecks:
    """Whether a server has what a trigger needs, and permits it.

    Args:
        inputs: The trigger.
        state: The trigger of the last deployment; None if it does not exist yet.
        engine: The server.
    """

    def __init__(self, inputs: TriggerInputs, state: TriggerInputs | None, engine: Engine) -> None:
        self._inputs, self._state, self._engine = inputs, state, engine
        self._facts = engine.hosts[0].facts

    def failures(self) -> list[Failure]:
        """What is missing or not permitted, by property. Warns if the trigger can harm this release of the server.

        Raises:
            EngineApiError: The server could not be asked.
        """
        inputs = self._inputs
        found = []
        if inputs.known("trigger_specification"):
            specification = parse(inputs.trigger_specification)
            found += [Failure(property="trigger_specification", reason=each) for each in self._refusals(specification)]
            self._warn_of_retries(specification)
            if inputs.known("db", "trigger_name", "disabled", "trigger_settings") and self._exists:
                warn_of_a_missing_table(inputs, self._engine, is_preview=True)
        if inputs.known("db") and not (self._exists or inputs.db in self._engine.program.databases):
            found.append(Failure(property="db", reason=f"there is no database {inputs.db!r}: declare a Database"))
        if inputs.known("plugin_filename") and (reason := self._plugin_problem()):
            found.append(Failure(property="plugin_filename", reason=reason))
        self._warn_of_missing_modules()
        return found

    @property
    def _exists(self) -> bool:
        return self._inputs.db in self._facts.databases()

    def _refusals(self, specification: Specification) -> Iterator[str]:
        inputs = self._inputs
        refusal = self._facts.refuses_triggers(specification)
        if refusal:
            yield refusal
        path = inputs.served_path if inputs.known("db", "trigger_name") else None
        if path is None:
            return
        before = {self._state.owner} if self._state else set()
        mine = {inputs.owner, *before, *self._engine.program.paths.predecessors(path, inputs.owner)}
        other = self._engine.served_paths.other_owner(path, mine)
        if other:
            yield path_is_served(other)

    def _warn_of_retries(self, specification: Specification) -> None:
        settings = self._inputs.trigger_settings
        if not self._inputs.known("trigger_settings", "trigger_name"):
            return
        retries = settings.error_behavior is ErrorBehavior.RETRY and not settings.run_async
        if (
            retries
            and specification.plugin_type is not PluginType.REQUEST
            and (release := self._facts.stuck_by_retries())
        ):
            notice(
                f"trigger {self._inputs.trigger_name!r} retries: after a failed run it cannot be stopped, and nothing "
                f"on the server can be changed, until a run succeeds ({release}). Choose another error_behavior, or "
                "upgrade the server"
            )

    def _warn_of_missing_modules(self) -> None:
        """A deployment that installs packages may install those that are missing."""
        inputs, state = self._inputs, self._state
        is_new = state is None or bool(state.changed(inputs, NOT_IN_DEFINITION))
        if not is_new or not inputs.known("db", "trigger_name", "plugin_filename") or self._engine.program.packages:
            return
        if text := missing_modules(inputs, self._engine):
            notice(f"{label(inputs)} will not be deployed: {text}")

    def _plugin_problem(self) -> str | None:
        name = self._inputs.plugin_filename
        if name.startswith("gh:"):
            refusal = self._facts.refuses_files()
            return refusal if refusal and NO_NEW_PLUGINS in refusal else None
        declared = self._engine.program.files
        files = [name.rstrip("/"), f"{name.rstrip('/')}/__init__.py"]
        if declared.intersection(files):
            return None
        probe = self._engine.hosts[0].probe
        try:
            # the shared listing leaves out files behind a link
            there = probe.hashes(files) or any(probe.ask(files=files).files.values())
        except ProbeFailed:
            return None
        return None if there else f"there is no {name!r} in the plugin directory: declare a PluginFile"
