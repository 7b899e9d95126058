"""Read-only probe of pulumi-influxdb3-engine: reports installed packages and plugin files to it, as a dry run.

It writes nothing; the provider uploads it when it is missing. Safe to delete.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any


def process_scheduled_call(influxdb3_local: Any, _call_time: Any, args: dict[str, str]) -> None:
    """Answer ``args["question"]`` by one log row, which a dry run returns."""
    question = json.loads(args["question"])
    directory = _plugin_directory(args["probe"])
    report: dict[str, Any] = {"plugin_directory": None if directory is None else str(directory)}
    if "distributions" in question:
        report["distributions"] = {name: _version(name) for name in question["distributions"]}
        report["environment"] = _marker_environment()
    if "contents" in question:
        report["contents"] = {name: _text(directory, name) for name in question["contents"]}
    if "hashes" in question:
        report["hashes"] = {name: _sha256(directory, name) for name in question["hashes"]}
    influxdb3_local.info("pulumi-probe " + json.dumps(report))


def _plugin_directory(probe: str) -> Path | None:
    environment = [os.environ.get(name) for name in ("PLUGIN_DIR", "INFLUXDB3_PLUGIN_DIR")]
    virtual_environments = [Path(path).parent for path in (os.environ.get("VIRTUAL_ENV"), sys.prefix) if path]
    for candidate in [*environment, *virtual_environments, Path.cwd()]:
        if candidate and Path(candidate, probe).is_file():
            return Path(candidate).absolute()
    return None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _marker_environment() -> dict[str, str]:
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


def _content(directory: Path | None, name: str) -> bytes | None:
    if directory is None:
        return None
    try:
        return (directory / name).read_bytes()
    except OSError:
        return None


def _text(directory: Path | None, name: str) -> str | None:
    content = _content(directory, name)
    return None if content is None else content.decode("utf-8", "replace")


def _sha256(directory: Path | None, name: str) -> str | None:
    content = _content(directory, name)
    return None if content is None else hashlib.sha256(content).hexdigest()
