"""Rules for names, checked before anything is sent.

The rules are stricter than the server, which takes nearly any text (contract 1.2, 2.5, 8.1) and fails later, or serves
a path that no client can call.
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
"""Ends the name of a candidate. It is fixed, so that a later deployment finds a candidate that was left."""
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _database(name: str) -> str:
    if problem := database_problem(name):
        raise ValueError(problem)
    return name


def _trigger(name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise ValueError("a trigger name must not be empty or hold control characters")
    if name.endswith(CANDIDATE_SUFFIX):
        raise ValueError(f"names that end with {CANDIDATE_SUFFIX!r} are reserved for candidates: choose another name")
    return name


def _table(name: str) -> str:
    return _in_lines("a table name", name)


def _column(name: str) -> str:
    if name == "time":
        raise ValueError("every table has the column 'time': leave it out")
    return _in_lines("a column name", name)


def _in_lines(what: str, name: str) -> str:
    """Refuse a name that line protocol cannot hold (contract 8.1)."""
    if not name.strip():
        raise ValueError(f"{what} must not be empty")
    if name.endswith("\\"):
        raise ValueError(f"{what} must not end with a backslash: no write could name it")
    if problem := control_character_problem(what, name):
        raise ValueError(problem)
    return name


def plugin_path(name: str) -> str:
    """Return the path of a file below the plugin directory (contract 4.1).

    Raises:
        ValueError: The server would refuse the path; says why.
    """
    path = PurePosixPath(name)
    if name.startswith("gh:"):
        raise ValueError(
            "only triggers can name a plugin in a repository ('gh:'): write a path below the plugin directory"
        )
    if not path.parts or not name.isprintable() or "\\" in name:
        raise ValueError("write a path below the plugin directory, with '/' between its parts")
    if path.is_absolute():
        raise ValueError("the path is absolute: write it relative to the plugin directory")
    if ".." in path.parts:
        raise ValueError("the path holds '..': write a path that stays inside the plugin directory")
    if path.as_posix() != name:
        raise ValueError(f"write the path as {path.as_posix()!r}")
    if any(len(part.encode()) > 255 for part in path.parts):
        raise ValueError("a part of the path is longer than 255 bytes, the limit of file systems: shorten it")
    return name


def _plugin_filename(name: str) -> str:
    repository_path = name.removeprefix("gh:")
    if repository_path == name:
        plugin_path(name.rstrip("/"))  # the server takes a directory with and without '/' at its end
        return name
    if not repository_path.strip() or not repository_path.isprintable():
        raise ValueError("name the plugin in the repository: 'gh:PATH'")
    return name


def _directory(name: str) -> str:
    plugin_path(name.rstrip("/"))
    if not _MODULE.fullmatch(PurePosixPath(name).name):
        raise ValueError(
            "the server imports the directory as a Python package: use only ASCII letters, digits and '_', and start "
            "with a letter or '_'"
        )
    return name.rstrip("/")


def control_character_problem(what: str, name: str) -> str | None:
    """Why a name is invalid, or None if it is valid. The text does not repeat the name: it may be secret."""
    return (
        f"{what} holds a line break or another control character: remove it"
        if _CONTROL_CHARACTER.search(name)
        else None
    )


def request_path_problem(path: str) -> str | None:
    """Why no client could call a request path, or None if clients can.

    The server compares the raw path of the URL, so only characters that clients send unencoded can match. The text does
    not repeat the path: it may be secret.
    """
    if path.startswith("/"):
        return "the request path starts with '/': leave it out, the server adds it"
    if not _REQUEST_PATH.fullmatch(path):
        return (
            "the request path holds other characters than letters, digits, '.', '_', '~', '-' and single '/' in between"
        )
    if {".", ".."} & set(path.split("/")):
        return "the request path holds '.' or '..' as a part: clients resolve these before they send the request"
    return None


DatabaseName = Annotated[str, AfterValidator(_database)]
TableName = Annotated[str, AfterValidator(_table)]
ColumnName = Annotated[str, AfterValidator(_column)]
TriggerName = Annotated[str, AfterValidator(_trigger)]
PluginPath = Annotated[str, AfterValidator(plugin_path)]
PluginFilename = Annotated[str, AfterValidator(_plugin_filename)]
PluginDirectoryName = Annotated[str, AfterValidator(_directory)]
