"""Texts about a trigger that exists on the server before the program creates it: a conflict, or an adoption."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_api.specification import AllTables, depends_on_server, parse_catalog
from influxdb3_engine_resources.conflicts import exists_already, recreation
from influxdb3_engine_resources.triggers.inputs import NOT_ON_SERVER, TriggerInputs, adopted, label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from influxdb3_engine_resources.server.live_triggers import LiveTrigger

_SPECIFICATION = "trigger_specification"
_ANY: Mapping[str, Any] = {
    _SPECIFICATION: AllTables().text,
    "trigger_settings": TriggerInputs.model_fields["trigger_settings"].default,
}
"""Stand for unknown properties, which are not compared."""
_NOT_LISTED = "unknown (the server does not list it)"
_LATER = "known only during the deployment"
_FROM_SUNDAY = "InfluxDB counts weekdays from Sunday = 1, so its 1-5 is SUN-THU"


def conflict_reason(live: LiveTrigger, wanted: TriggerInputs) -> str:
    """Why a trigger is not created, and what to do.

    Args:
        live: The trigger on the server.
        wanted: The program's inputs; some may be unknown.
    """
    existing = _existing(live, wanted)
    differing = ", ".join(sorted(existing.changed(wanted, NOT_ON_SERVER)))
    differs = f"differs in {differing}" if differing else "is the same"
    delete = shlex.join(["influxdb3", "delete", "trigger", "--database", wanted.db, wanted.trigger_name, "--force"])
    return exists_already(
        label(wanted),
        f" and {differs}: it runs {shown(existing.plugin_filename)} on {_value_text(_SPECIFICATION, existing)}",
        "choose another trigger_name",
        *recreation(wanted),
        f"delete it: {delete}",
    )


def adoption_notice(live: LiveTrigger, wanted: TriggerInputs) -> str:
    """What the adoption of a trigger changes: one line for each property, with the old and the new value.

    Leaves out values of arguments and request paths: they may be secret.

    Args:
        live: The trigger on the server.
        wanted: The program's inputs; some may be unknown.
    """
    existing = _existing(live, wanted)
    differing = [_line(name, existing, wanted) for name in sorted(existing.changed(wanted, NOT_ON_SERVER))]
    changes = "it changes" if differing else "nothing changes"
    return "\n".join(
        [f"{label(wanted)} exists and is adopted: {changes}", *(differing or _same_weekdays(live, wanted))]
    )


def _existing(live: LiveTrigger, wanted: TriggerInputs) -> TriggerInputs:
    unknown = {name: value for name, value in _ANY.items() if not wanted.known(name)}
    return adopted(live, wanted.model_copy(update=unknown))


def _line(name: str, existing: TriggerInputs, wanted: TriggerInputs) -> str:
    if name == "trigger_arguments":
        return f"{name}: {_arguments(existing, wanted) if wanted.known(name) else _LATER}"
    if name == "trigger_settings":
        return ", ".join(_settings(existing, wanted)) if wanted.known(name) else f"{name}: {_LATER}"
    old = _NOT_LISTED if name == "node_spec" else _value_text(name, existing)
    remark = _weekday_remark(existing, wanted) if name == _SPECIFICATION else ""
    return f"{name}: {old} -> {_value_text(name, wanted)}{remark}"


def _value_text(name: str, inputs: TriggerInputs) -> str:
    if not inputs.known(name):
        return _LATER
    # a request path may be secret
    is_path = name == _SPECIFICATION and inputs.trigger_specification.startswith("request:")
    return "a request path" if is_path else shown(repr(getattr(inputs, name)))


def _weekday_remark(existing: TriggerInputs, wanted: TriggerInputs) -> str:
    """A remark if a change replaces weekdays that are numbers: they look the same in the API's documentation."""
    fields = existing.trigger_specification.split()
    if not fields[0].startswith("cron:") or not wanted.known(_SPECIFICATION):
        return ""
    numbers = re.search(r"(?<![/\d])\d", "".join(fields[5:6])) and wanted.trigger_specification.startswith("cron:")
    return f" ({_FROM_SUNDAY})" if numbers else ""


def _same_weekdays(live: LiveTrigger, wanted: TriggerInputs) -> list[str]:
    """A line if the server has numbers for the program's weekdays, since other servers count them otherwise."""
    if not wanted.known(_SPECIFICATION) or not depends_on_server(live.row.trigger_specification):
        return []
    stored = parse_catalog(live.row.trigger_specification, live.sunday).text
    other = "" if live.sunday == 1 else f" ({_FROM_SUNDAY})"
    return [
        f"{_SPECIFICATION}: {shown(repr(stored))} -> {shown(repr(wanted.trigger_specification))} is not sent: both "
        f"mean the same on this server, which counts weekdays from Sunday = {live.sunday}{other}"
    ]


def _arguments(existing: TriggerInputs, wanted: TriggerInputs) -> str:
    old, new = existing.trigger_arguments or {}, wanted.trigger_arguments or {}
    kinds = {
        "changes": [name for name in old if name in new and old[name] != new[name]],
        "gets": [name for name in new if name not in old],
        "loses": [name for name in old if name not in new],
    }
    return shown(", ".join(f"{kind} {', '.join(sorted(names))}" for kind, names in kinds.items() if names))


def _settings(existing: TriggerInputs, wanted: TriggerInputs) -> Iterator[str]:
    old, new = existing.trigger_settings, wanted.trigger_settings
    if old.error_behavior is not new.error_behavior:
        yield f"error_behavior: {str(old.error_behavior)!r} -> {str(new.error_behavior)!r}"
    if old.run_async != new.run_async:
        yield f"run_async: {_NOT_LISTED} -> {new.run_async}"
