"""Warnings and notices: Pulumi shows a provider's standard error among its diagnostics."""

from __future__ import annotations

import sys
import threading

from influxdb3_engine_api.foreign_text import message

_guard = threading.Lock()


def notice(text: str) -> None:
    """Show a text in the deployment's output; indents all lines but the first."""
    first, *further = f"influxdb3: {message(text)}".splitlines()
    lines = "".join(f"{line}\n" for line in (first, *(f"    {line}" for line in further)))
    # print() writes the text and its line break separately: another thread could write in between
    with _guard:
        sys.stderr.write(lines)
        sys.stderr.flush()
