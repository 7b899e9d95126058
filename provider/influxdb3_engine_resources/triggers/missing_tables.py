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


def warn_of_a_missing_table(inputs: TriggerInputs, engine: Engine) -> None:
    """Warn about a trigger that is started: two requests for all triggers of a database in a deployment.

    Triggers with ``run_async`` miss only one write. The embedded engine is safe.
    """
    if inputs.disabled or inputs.trigger_settings.run_async:
        return
    specification = parse(inputs.trigger_specification)
    if not isinstance(specification, Table):
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
            "written first, the server stops the trigger without an error. Create the table (influxdb3 create table), "
            "then disable and enable the trigger; or set trigger_settings={'run_async': True}"
        )
