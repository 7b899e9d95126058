"""What a person should know although nothing failed; Pulumi shows a provider's standard error among its diagnostics."""

from __future__ import annotations

import sys
import threading

from influxdb3_engine_api.foreign_text import message

_guard = threading.Lock()


def notice(text: str) -> None:
    """Say it to the person who deploys, on lines of its own; further lines of the text are indented."""
    first, *further = f"influxdb3: {message(text)}".splitlines()
    lines = "".join(f"{line}\n" for line in (first, *(f"    {line}" for line in further)))
    # print() writes the text and the end of its line apart: another thread's notice would come in between
    with _guard:
        sys.stderr.write(lines)
        sys.stderr.flush()
