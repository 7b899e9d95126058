"""Read-only probe of pulumi-influxdb3-engine: reports installed packages and plugin files, as a dry run.

It writes nothing. Safe to delete: the provider uploads it again.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.metadata
import importlib.util
import itertools
import json
import os
import platform
import re
import sys
import time
from pathlib import Path
from typing import Any

LONGEST_TEXT = 1024 * 1024
LARGEST_LISTED = 16 * 1024 * 1024
MOST_LISTED = 20_000
LISTING_SECONDS = 5.0
PROCESSES = "/proc"


def process_scheduled_call(influxdb3_local: Any, _call_time: Any, args: dict[str, str]) -> None:
    """Answer ``args["question"]`` by one log line: a dry run returns it."""
    question = json.loads(args["question"])
    directory = _plugin_directory(args["probe"], args.get("directory"))
    report: dict[str, Any] = {"plugin_directory": None if directory is None else str(directory)}
    if question.get("all_distributions"):
        question["distributions"] = question["extras_of"] = _installed()
    if "distributions" in question:
        requires = _requires(question["extras_of"])
        required = {_name(each) for dependencies in requires.values() for each in dependencies}
        report["distributions"] = {name: _version(name) for name in sorted({*question["distributions"], *required})}
        report["installed_at"] = {name: _installed_at(name) for name in question["distributions"]}
        report["requires"] = requires
        report["environment"] = _marker_environment()
        report["pip_is_running"] = _pip_is_running()
    if "files" in question:
        report["files"] = {name: _file(directory, name) for name in question["files"]}
    if "listing" in question:
        report["listing"], report["listing_is_whole"] = ({}, True) if directory is None else _listing(directory)
    report["missing_modules"] = [name for name in question.get("modules", ()) if not _is_found(name)]
    influxdb3_local.info("pulumi-probe " + json.dumps(report))


def _plugin_directory(probe: str, given: str | None) -> Path | None:
    environment = [os.environ.get(name) for name in ("PLUGIN_DIR", "INFLUXDB3_PLUGIN_DIR")]
    virtual_environments = [Path(path).parent for path in (os.environ.get("VIRTUAL_ENV"), sys.prefix) if path]
    for candidate in [given, *environment, *virtual_environments, Path.cwd()]:
        if candidate and _is_there(Path(candidate, probe)):
            return Path(candidate).absolute()
    return None


def _is_found(name: str) -> bool:
    """Whether a module can be imported. Looks for it without running any package.

    A package may make its modules when it is imported, so only those of namespace packages are looked for further.
    """
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
        path = top
        while spec is not None and rest and spec.origin is None and spec.submodule_search_locations is not None:
            path = f"{path}.{rest.pop(0)}"
            spec = importlib.machinery.PathFinder.find_spec(path, spec.submodule_search_locations)
    except (ImportError, ValueError):  # of a module that was loaded without a specification
        return top in sys.modules
    return spec is not None


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # the server may not read the directory
        return False


def _installed() -> list[str]:
    """Normalised names of the distributions in the virtual environment, without those of the system."""
    prefix = Path(sys.prefix).resolve()
    every = importlib.metadata.distributions()
    here = (each for each in every if Path(str(each.locate_file(""))).resolve().is_relative_to(prefix))
    return sorted({_name(name) for each in here if (name := each.metadata["Name"])})


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _installed_at(name: str) -> int | None:
    """When a distribution was installed. pip makes a new directory even for the same version."""
    try:
        # no public attribute leads to the directory without reading the list of all files
        path = getattr(importlib.metadata.distribution(name), "_path", None)
        return None if path is None else path.stat().st_mtime_ns
    except (importlib.metadata.PackageNotFoundError, OSError):
        return None


def _requires(names: list[str]) -> dict[str, list[str]]:
    """Dependencies of distributions, and of those dependencies that have extras."""
    found: dict[str, list[str]] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            found[name] = []
        waiting += [_name(each) for each in found[name] if "[" in each.partition(";")[0]]
    return found


def _name(requirement: str) -> str:
    """The normalised name at the beginning of a requirement specifier."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0]).lower()


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


def _pip_is_running() -> bool | None:
    """Whether pip may be running on the machine; None if the operating system does not list processes."""
    if not Path(PROCESSES, "self").exists():
        return None
    for process in Path(PROCESSES).glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:  # the process has ended
            continue
        modules = {after for word, after in itertools.pairwise(words) if word == b"-m"}
        if modules & {b"pip", b"ensurepip"} or any(re.fullmatch(rb"(.*/)?pip[0-9.]*", word) for word in words[:2]):
            return True
    return False


def _file(directory: Path | None, name: str) -> dict[str, Any] | None:
    if directory is None or not _is_there(directory / name):
        return None
    try:
        size = (directory / name).stat().st_size
        text = (directory / name).read_bytes().decode() if size <= LONGEST_TEXT else None
    except UnicodeDecodeError:
        text = None
    except OSError:
        return None
    return {"size": size, "sha256": _sha256(directory / name), "text": text}


def _listing(directory: Path) -> tuple[dict[str, str | None], bool]:
    """Hashes of files, and whether all are listed. Skips virtual environments, hidden directories and caches."""
    found: dict[str, str | None] = {}
    end = time.monotonic() + LISTING_SECONDS  # before a client gives up waiting
    for parent, directories, files in os.walk(directory):
        directories[:] = [
            name
            for name in directories
            if not name.startswith(".") and name != "__pycache__" and not _is_there(Path(parent, name, "pyvenv.cfg"))
        ]
        for name in files:
            path = Path(parent, name)
            if not name.isprintable():
                continue  # not uploaded through the API, and perhaps not valid text
            if len(found) == MOST_LISTED or time.monotonic() > end:
                return found, False
            found[path.relative_to(directory).as_posix()] = _sha256(path)
    return found, True


def _sha256(path: Path) -> str | None:
    """The hash of a file; None if it is too large for an upload, unreadable, or not a regular file."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_LISTED:
            return None
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
