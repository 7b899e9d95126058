"""Triggers on tables that do not exist yet: real servers may stop them for good, without an error (contract 4.6).

Seen on InfluxDB 3 Core 3.10.0: if another table of the database is written first, the trigger never runs again. The
system tables show it as enabled, and its log is empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_api.specification import Table, parse
from influxdb3_engine_resources.triggers.inputs import label

if TYPE_CHECKING:
    from influxdb3_engine_resources.server.engine import Engine
    from influxdb3_engine_resources.triggers.inputs import TriggerInputs


def warn_of_a_missing_table(inputs: TriggerInputs, engine: Engine, *, is_preview: bool = False) -> None:
    """Warn about a trigger that is started: two requests for all triggers of a database in a deployment.

    Triggers with ``run_async`` miss only one write. The embedded engine is safe. A preview trusts that a declared table
    will exist.
    """
    if inputs.disabled or inputs.trigger_settings.run_async:
        return
    specification = parse(inputs.trigger_specification)
    if not isinstance(specification, Table):
        return
    is_declared = (inputs.db, specification.name) in engine.program.tables
    if is_declared and is_preview:
        return
    host = engine.hosts[0]
    facts = host.facts
    try:
        missing = facts.stops_triggers_on_missing_tables() and specification.name not in facts.tables(inputs.db)
    except EngineApiError:  # the trigger is live: a warning is not worth an error
        return
    if missing:
        host.notice_once(
            f"{label(inputs)} runs on table {specification.name!r}, which does not exist yet: if another table is "
            "written first, the server stops the trigger without an error. "
            f"{_remedy(inputs, specification, is_declared=is_declared)}, or set trigger_settings={{'run_async': True}}"
        )


def _remedy(inputs: TriggerInputs, specification: Table, *, is_declared: bool) -> str:
    restart = "add restart_on=[TABLE.id] to the trigger, which restarts it after the table is created"
    if is_declared:
        return f"Let the trigger depend on its Table: {restart}"
    return f"Declare TABLE = Table({specification.name!r}, db={inputs.db!r}) and {restart}"
