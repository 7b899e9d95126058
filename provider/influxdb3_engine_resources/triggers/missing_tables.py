"""Triggers on tables that do not exist yet, which real servers may stop for good and without a word (contract 4.6).

Seen on InfluxDB 3 Core 3.10.0: if another table of the database is written first, the trigger never fires again, while
the system tables call it enabled and its log is empty.
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
    """Say it once of a trigger that is started: two requests for all triggers of a database in a deployment.

    Overlapping runs are safe: such a trigger misses one write only. So is the embedded engine.
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
    except EngineApiError:  # the trigger is live; this was a courtesy
        return
    if missing:
        host.notice_once(
            f"{label(inputs)} waits for table {specification.name!r}, which does not exist yet: if another one of that "
            "database is written first, the server stops it without a word. Create the table (influxdb3 create table), "
            "then disable and enable the trigger; or set trigger_settings={'run_async': True}"
        )
