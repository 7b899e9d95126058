"""What is said of something that exists on the server when a program is to create it: one text for all resources."""

from __future__ import annotations


def exists_already(label: str, how: str, *ways_out: str) -> str:
    """Why a resource is not created, how to take over what exists, and where that may come from.

    Args:
        label: What messages call the resource.
        how: What follows "exists already", such as what differs from the program.
        ways_out: What can be done instead of taking it over.
    """
    take_over = "take it over with adopt=True (whole stack: pulumi config set influxdb3:adopt true)"
    *first, last = (take_over, *ways_out)
    return (
        f"{label} exists already{how}. A deployment that was killed may have left it: {', '.join(first)}, or {last}. "
        "If this program declared it under another resource name, give this resource an alias of that name"
    )
