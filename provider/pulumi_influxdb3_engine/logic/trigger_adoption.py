"""What is said of a trigger that exists on the server when a program is to create it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pulumi_influxdb3_engine.logic.conflicts import exists_already
from pulumi_influxdb3_engine.logic.trigger_inputs import NOT_ON_SERVER, label

if TYPE_CHECKING:
    from pulumi_influxdb3_engine.logic.trigger_inputs import TriggerInputs

_REQUEST = "request:"


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


def _specification(inputs: TriggerInputs) -> str:
    # a request path may be all that guards the plugin
    text = inputs.trigger_specification
    return "a request path" if text.startswith(_REQUEST) else repr(text)
