"""What a plugin says of itself, compared with the trigger that runs it; nothing is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from influxdb3_engine_api.specification import Cron
from influxdb3_engine_resources.errors import Failure
from influxdb3_engine_resources.inputs import Unknown
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.plugins.header import argument_problems
from influxdb3_engine_resources.plugins.source import ENTRY_POINTS
from influxdb3_engine_resources.triggers.inputs import label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_engine_api import Specification
    from influxdb3_engine_api.specification import Every
    from influxdb3_engine_resources.plugins.source import SourceOutline
    from influxdb3_engine_resources.triggers.inputs import TriggerInputs

_NEXT_RUNS = 3


def compare_with_plugin(inputs: TriggerInputs, specification: Specification, source: SourceOutline) -> list[Failure]:
    """Compare a trigger with its plugin's header and manifest; warns of what may be meant all the same.

    Returns:
        One failure for each argument that the plugin requires and that is not set.
    """
    plugin_type = specification.plugin_type
    entry_point = ENTRY_POINTS[plugin_type][0]
    if source.header_problem:
        notice(f"{inputs.plugin_filename}: its docstring looks like a header and is not valid: {source.header_problem}")
    lists_kind = source.header is None or source.header.takes(plugin_type)
    if not lists_kind or (source.triggers is not None and entry_point not in source.triggers):
        where = "header" if not lists_kind else "manifest"
        notice(
            f"{label(inputs)}: {inputs.plugin_filename} defines {entry_point}, and its {where} does not list this kind "
            "of trigger"
        )
    if source.header is None or isinstance(inputs.trigger_arguments, Unknown):
        return []
    problems = argument_problems(source.header, plugin_type, inputs.trigger_arguments or {})
    for text in problems.unknown:
        notice(f"{label(inputs)}: {text}")
    return [Failure(property="trigger_arguments", reason=text) for text in problems.missing]


def tell_of_schedule(inputs: TriggerInputs) -> None:
    """Name the next runs of a schedule that is new or changed; warn of a cron expression that is often misread."""
    schedule = inputs.schedule if inputs.known("trigger_specification", "disabled") else None
    if schedule is None:
        return
    if isinstance(schedule, Cron) and schedule.restricts_both_days:
        notice(
            f"{label(inputs)}: the day of the month and the day of the week are both restricted, and a run needs both "
            "to match, unlike in a Unix cron"
        )
    runs = [f"{due:%Y-%m-%d %H:%M:%S}" for due in islice(_runs_after(schedule, datetime.now(UTC)), _NEXT_RUNS)]
    notice(f"{label(inputs)}: next runs (UTC): {', '.join(runs) if runs else 'none'}")


def _runs_after(schedule: Cron | Every, moment: datetime) -> Iterator[datetime]:
    due = schedule.next_after(moment)
    while due is not None:
        yield due
        due = schedule.next_after(due)
