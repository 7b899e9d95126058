"""The error for a resource that exists already: one text for all kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from influxdb3_engine_resources.inputs import Inputs

RECREATE = "set opts=pulumi.ResourceOptions(delete_before_replace=True) if this stack recreates its own "


def recreation(inputs: Inputs) -> list[str]:
    """What to do if Pulumi recreates a trigger of an engine: it creates the new one first (see ``deleting_first``)."""
    return [] if inputs.engine is None else [f"{RECREATE}trigger"]


def exists_already(label: str, how: str, *ways_out: str) -> str:
    """Why a resource is not created, and what to do.

    Args:
        label: The resource.
        how: Follows "exists already": such as what differs from the program.
        ways_out: What to do instead of adopting it.
    """
    take_over = "take it over with adopt=True (whole stack: pulumi config set influxdb3:adopt true)"
    *first, last = (take_over, *ways_out)
    return (
        f"{label} exists already{how}. A deployment that was killed may have left it: {', '.join(first)}, or {last}. "
        "If this program declared it under another resource name, give this resource an alias of that name"
    )
