"""What a person should know although nothing failed; Pulumi shows a provider's standard error among its diagnostics."""

from __future__ import annotations

import sys


def notice(text: str) -> None:
    """Say it to the person who deploys."""
    print(f"influxdb3: {text}", file=sys.stderr, flush=True)
