"""What a preview can ask the server, where a stack opts in by ``influxdb3:onlineChecks``."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from influxdb3_engine_api import AnswerError, CreateTrigger, ErrorBehavior, TriggerSettings
from influxdb3_engine_api.specification import Table, parse
from pulumi_influxdb3_engine.logic.declarations import DECLARED_DATABASES
from pulumi_influxdb3_engine.logic.inputs import Failure
from pulumi_influxdb3_engine.logic.lock_down import explained
from pulumi_influxdb3_engine.logic.plugin_source import KNOWN_SOURCES
from pulumi_influxdb3_engine.logic.probe import ProbeFailed
from pulumi_influxdb3_engine.logic.request_paths import path_is_taken

if TYPE_CHECKING:
    from pulumi_influxdb3_engine.logic.engine import Engine
    from pulumi_influxdb3_engine.logic.trigger_inputs import TriggerInputs


class OnlineChecks:
    """Whether a server has what a trigger relies on, and is not locked down against it."""

    def __init__(self, inputs: TriggerInputs, engine: Engine) -> None:
        self._inputs, self._engine = inputs, engine

    def failures(self) -> list[Failure]:
        """What is missing, by property.

        Raises:
            EngineApiError: The server could not be asked.
        """
        inputs, client = self._inputs, self._engine.client
        found = []
        refusal = self._refusal()
        if refusal:
            found.append(Failure(property="trigger_specification", reason=refusal))
        if inputs.known("db", "trigger_specification"):
            specification = parse(inputs.trigger_specification)
            exists = inputs.db in client.databases()
            if not exists and inputs.db not in DECLARED_DATABASES:
                found.append(Failure(property="db", reason=f"there is no database {inputs.db!r}: declare a Database"))
            elif isinstance(specification, Table) and not (exists and self._has_table(specification.name)):
                reason = f"there is no table {specification.name!r}: a real server stops the trigger at the next write"
                found.append(Failure(property="trigger_specification", reason=reason))
            other = inputs.served_path and self._engine.served_paths.other_owner(inputs.served_path, inputs.owner)
            if inputs.served_path and other:
                found.append(Failure(property="trigger_specification", reason=path_is_taken(inputs.served_path, other)))
        if inputs.known("plugin_filename") and self._plugin_is_missing():
            reason = f"there is no {inputs.plugin_filename!r} in the plugin directory: declare a PluginFile"
            found.append(Failure(property="plugin_filename", reason=reason))
        return found

    def _refusal(self) -> str | None:
        """Why the server creates no trigger of this kind: the answer to a creation whose plugin does not exist.

        No operation reads lock-down flags. The server checks them before the plugin (contract 1.2), so this creation
        never succeeds.
        """
        inputs = self._inputs
        if not inputs.known("db", "trigger_specification"):
            return None
        impossible = CreateTrigger(
            db=inputs.db,
            plugin_filename=f".pulumi/{secrets.token_hex(8)}.py",
            trigger_name=secrets.token_hex(8),
            trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
            trigger_specification=inputs.trigger_specification,
            disabled=True,
        )
        try:
            self._engine.client.create_trigger(impossible)
        except AnswerError as error:
            reason = explained(error)
            return reason if reason != str(error) else None
        return None

    def _has_table(self, name: str) -> bool:
        sql = "SELECT 1 FROM information_schema.tables WHERE table_schema = 'iox' AND table_name = $name"
        return bool(self._engine.client.query_sql(self._inputs.db, sql, {"name": name}))

    def _plugin_is_missing(self) -> bool:
        name = self._inputs.plugin_filename
        if name.startswith("gh:") or KNOWN_SOURCES.find(name):
            return False
        files = [name, f"{name.rstrip('/')}/__init__.py"]
        try:
            return not any(self._engine.hosts[0].probe.ask(files=files).files.values())
        except ProbeFailed:
            return False
