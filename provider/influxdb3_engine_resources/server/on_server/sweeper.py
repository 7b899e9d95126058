"""Sweeper of pulumi-influxdb3-engine: deletes plugin files and uninstalls packages for it, as a dry run.

The API can do neither. The sweeper removes files of resources with ``delete_on_destroy=True``, files of a deployment
that failed, files that somebody added to a declared directory, and the provider's own files when a stack is destroyed.
Safe to delete.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any


def process_scheduled_call(influxdb3_local: Any, _call_time: Any, args: dict[str, str]) -> None:
    """Carry out ``args["task"]`` and report failures by one log line."""
    task = json.loads(args["task"])
    directory = Path(args["directory"]).resolve(strict=True)
    failures = [text for name in task.get("remove", ()) if (text := _removed(directory, name))]
    if task.get("uninstall"):
        failures += _uninstalled(task["uninstall"])
    influxdb3_local.info("pulumi-sweeper " + json.dumps({"failures": failures}))


def _removed(directory: Path, name: str) -> str | None:
    """Remove a file, or a directory with its content, and the directories above it that become empty."""
    path = directory / name
    # resolves the parent only: a symbolic link is removed, and not what it leads to
    if not path.name or ".." in path.parts or not path.parent.resolve().is_relative_to(directory):
        return f"{name} is not inside the plugin directory"
    if not path.parent.is_dir():
        return None
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        return f"{name}: {error.strerror}"
    for parent in path.parents:
        if parent == directory or not _removed_empty(parent):
            break
    return None


def _removed_empty(directory: Path) -> bool:
    """Remove a directory that is empty except for compiled modules; returns whether it was removed."""
    try:
        if {entry.name for entry in directory.iterdir()} - {"__pycache__"}:
            return False
        shutil.rmtree(directory / "__pycache__", ignore_errors=True)
        directory.rmdir()
    except OSError:
        return False
    return True


def _uninstalled(names: list[str]) -> list[str]:
    # sys.executable is the server if it embeds the interpreter
    interpreters = [Path(sys.prefix, *parts) for parts in (("bin", "python3"), ("Scripts", "python.exe"))]
    python = next((path for path in interpreters if path.exists()), None)
    if python is None:
        return [f"there is no Python in {sys.prefix}"]
    pip = subprocess.run(  # noqa: S603 - this environment's pip, and names that the provider has normalised
        [python, "-m", "pip", "uninstall", "--yes", "--disable-pip-version-check", *names],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return [pip.stderr.strip() or f"pip ended with exit status {pip.returncode}"] if pip.returncode else []
