"""Rules for names, checked before anything is sent; each is stricter than the server where that saves a user.

The server takes nearly any text (contract 1.2, 2.5, 8.1) and fails later, or serves a path that no client can call.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator

from influxdb3_engine_resources.stack_keys import database_problem

_REQUEST_PATH = re.compile(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
CANDIDATE_SUFFIX = "__pulumi_candidate"
"""What a trigger's new definition adds to its name while the server checks it; fixed, so that one left is found."""
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _database(name: str) -> str:
    if problem := database_problem(name):
        raise ValueError(problem)
    return name


def _trigger(name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise ValueError("a trigger name is not empty and has no control characters")
    if name.endswith(CANDIDATE_SUFFIX):
        raise ValueError(f"names that end with {CANDIDATE_SUFFIX!r} are those of definitions that are being checked")
    return name


def plugin_path(name: str) -> str:
    """The path of a file below the plugin directory, if the server would take it (contract 4.1).

    Raises:
        ValueError: Says why not.
    """
    path = PurePosixPath(name)
    if name.startswith("gh:"):
        raise ValueError("'gh:' names a plugin in a repository, which only triggers can do; a file has a path")
    if not path.parts or not name.isprintable() or "\\" in name:
        raise ValueError("a plugin's file name is a path below the plugin directory with '/' between its parts")
    if path.is_absolute():
        raise ValueError("the path is absolute; the server takes paths relative to its plugin directory only")
    if ".." in path.parts:
        raise ValueError("the path holds '..'; it has to stay inside the plugin directory")
    if path.as_posix() != name:
        raise ValueError(f"write the path as {path.as_posix()!r}, the form in which it is compared")
    if any(len(part.encode()) > 255 for part in path.parts):
        raise ValueError("a part of the path is longer than 255 bytes, which no file system stores")
    return name


def _plugin_filename(name: str) -> str:
    repository_path = name.removeprefix("gh:")
    if repository_path == name:
        plugin_path(name.rstrip("/"))  # of a directory, which the server takes with and without
        return name
    if not repository_path.strip() or not repository_path.isprintable():
        raise ValueError("name the plugin in the repository: 'gh:PATH'")
    return name


def _directory(name: str) -> str:
    plugin_path(name.rstrip("/"))
    if not _MODULE.fullmatch(PurePosixPath(name).name):
        raise ValueError(
            "the server imports the directory as a Python package: its name has ASCII letters, digits and '_' only "
            "and starts with no digit"
        )
    return name.rstrip("/")


def control_character_problem(what: str, name: str) -> str | None:
    """Why a name that the server takes as it is cannot be meant, or ``None``; the text does not repeat it."""
    return f"{what} holds a line break or another control character" if _CONTROL_CHARACTER.search(name) else None


def request_path_problem(path: str) -> str | None:
    """Why no client could call a request path, or ``None`` where one can.

    The server compares the raw path of the URL, so only characters that travel unencoded can ever match. The text does
    not repeat the path, which may be secret.
    """
    if path.startswith("/"):
        return "the request path starts with '/', which the server adds: write it without"
    if not _REQUEST_PATH.fullmatch(path):
        return "the request path holds more than letters, digits, '.', '_', '~', '-' and single '/' in between"
    if {".", ".."} & set(path.split("/")):
        return "the request path holds '.' or '..' as a part, which clients resolve before they send it"
    return None


DatabaseName = Annotated[str, AfterValidator(_database)]
TriggerName = Annotated[str, AfterValidator(_trigger)]
PluginPath = Annotated[str, AfterValidator(plugin_path)]
PluginFilename = Annotated[str, AfterValidator(_plugin_filename)]
PluginDirectoryName = Annotated[str, AfterValidator(_directory)]
