"""Shim of pulumi-influxdb3-engine: runs the entry point of a plugin directory, as a dry run.

A dry run executes one file as a script, so the __init__.py of a directory could use no relative imports (contract
section 6). This file imports the directory as a package. Safe to delete.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = "pulumi_package"
"""The argument with the absolute path of the directory; the plugin does not get it."""


def process_writes(influxdb3_local: Any, table_batches: Any, args: dict[str, str]) -> None:
    """Run the package's ``process_writes``."""
    _entry_point("process_writes", args)(influxdb3_local, table_batches, _own_arguments(args))


def process_scheduled_call(influxdb3_local: Any, call_time: Any, args: dict[str, str]) -> None:
    """Run the package's ``process_scheduled_call``."""
    _entry_point("process_scheduled_call", args)(influxdb3_local, call_time, _own_arguments(args))


def _entry_point(name: str, args: dict[str, str]) -> Callable[..., None]:
    package = Path(args[PACKAGE])
    importlib.invalidate_caches()  # the directory has just been written
    sys.path.insert(0, str(package.parent))
    try:
        module = importlib.import_module(package.name)
    finally:
        sys.path.remove(str(package.parent))
    function: Callable[..., None] = getattr(module, name)
    return function


def _own_arguments(args: dict[str, str]) -> dict[str, str] | None:
    return {name: value for name, value in args.items() if name != PACKAGE} or None
