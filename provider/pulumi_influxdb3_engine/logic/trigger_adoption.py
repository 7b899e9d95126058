"""What is said of a trigger that exists on the server when a program is to create it."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from pulumi_influxdb3_engine.logic.conflicts import exists_already
from pulumi_influxdb3_engine.logic.trigger_inputs import NOT_ON_SERVER, label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pulumi_influxdb3_engine.logic.trigger_inputs import TriggerInputs

_REQUEST = "request:"
_UNTOLD = "unknown (the server does not tell)"


def conflict(existing: TriggerInputs, wanted: TriggerInputs) -> str:
    """Why a trigger is not created, and how to take over the one that exists.

    Args:
        existing: The inputs that describe the trigger on the server.
        wanted: The program's inputs.
    """
    differing = ", ".join(sorted(existing.changed(wanted, NOT_ON_SERVER)))
    differs = f"differs in {differing}" if differing else "is the same"
    delete = shlex.join(["influxdb3", "delete", "trigger", "--database", wanted.db, wanted.trigger_name, "--force"])
    return exists_already(
        label(wanted),
        f" and {differs}: it runs {existing.plugin_filename} on {_specification(existing)}",
        "choose another trigger_name",
        f"delete it: {delete}",
    )


def take_over(existing: TriggerInputs, wanted: TriggerInputs) -> str:
    """What taking a trigger over changes: one line a property, with the old and the new value.

    Values of arguments and request paths are left out: a provider is not told which of them are secret.
    """
    differing = [_line(name, existing, wanted) for name in sorted(existing.changed(wanted, NOT_ON_SERVER))]
    changes = "it changes" if differing else "nothing changes"
    return "\n".join([f"{label(wanted)} exists and is taken over: {changes}", *differing])


def _line(name: str, existing: TriggerInputs, wanted: TriggerInputs) -> str:
    if not wanted.known(name):
        return f"{name} becomes what is not known before the deployment"
    if name == "trigger_specification":
        return f"{name}: {_specification(existing)} -> {_specification(wanted)}{_counting(existing, wanted)}"
    if name == "trigger_arguments":
        return f"{name}: {_arguments(existing.trigger_arguments or {}, wanted.trigger_arguments or {})}"
    if name == "trigger_settings":
        return ", ".join(_settings(existing, wanted))
    if name == "node_spec":
        return f"{name}: {_UNTOLD} -> {wanted.node_spec!r}"
    return f"{name}: {getattr(existing, name)!r} -> {getattr(wanted, name)!r}"


def _specification(inputs: TriggerInputs) -> str:
    # a request path may be all that guards the plugin
    text = inputs.trigger_specification
    return "a request path" if text.startswith(_REQUEST) else repr(text)


def _counting(existing: TriggerInputs, wanted: TriggerInputs) -> str:
    """Why weekdays by number, which look right to a reader of the API's documentation, are changed."""
    *_, weekdays = existing.trigger_specification.split()
    both_are_cron = all(each.trigger_specification.startswith("cron:") for each in (existing, wanted))
    if not both_are_cron or not re.search("[0-9]", weekdays.partition("/")[0]):
        return ""
    return " (InfluxDB counts weekdays from Sunday = 1, so its 1-5 is SUN-THU; names mean the same everywhere)"


def _arguments(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    kinds = {
        "changes": [name for name in old if name in new and old[name] != new[name]],
        "gets": [name for name in new if name not in old],
        "loses": [name for name in old if name not in new],
    }
    return ", ".join(f"{kind} {', '.join(sorted(names))}" for kind, names in kinds.items() if names)


def _settings(existing: TriggerInputs, wanted: TriggerInputs) -> Iterator[str]:
    old, new = existing.trigger_settings, wanted.trigger_settings
    if old.error_behavior is not new.error_behavior:
        yield f"error_behavior: {str(old.error_behavior)!r} -> {str(new.error_behavior)!r}"
    if old.run_async != new.run_async:
        yield f"run_async: {_UNTOLD} -> {new.run_async}"
