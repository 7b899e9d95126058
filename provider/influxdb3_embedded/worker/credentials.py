"""Moves credentials from pip's arguments to files: pip passes URLs to git and to other pips as arguments."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from shlex import quote
from urllib.parse import unquote

NETRC, GIT = "install.netrc", "install.git-credentials"
"""Files that pip and git read credentials from; removed when pip has ended."""

_URL = re.compile(r"(?P<scheme>https?)://(?P<user>[^\s/?#]*)@(?P<host>[^\s/?#@]+)")


def take(arguments: list[str], directory: Path) -> list[str]:
    """Return the arguments without credentials, and set the variables that name the files to pip and git.

    Two users at one host stay in the arguments: a netrc file has one user for each host.

    Args:
        arguments: Arguments of pip.
        directory: Gets the files, which only their owner can read.
    """
    users: dict[str, set[str]] = {}
    for url in (found for argument in arguments for found in _URL.finditer(argument)):
        users.setdefault(_name(url), set()).add(url["user"])
    taken = {name: user for name, (user, *others) in users.items() if not others and unquote(user).isprintable()}
    if not taken:
        return arguments
    netrc, git = _users_netrc(), ""

    def without(url: re.Match[str]) -> str:
        nonlocal netrc, git
        if _name(url) not in taken:
            return url[0]
        user, _, password = url["user"].partition(":")
        netrc += f"machine {_name(url)} login {_quoted(user)} password {_quoted(password)}\n"
        git += f"{url['scheme']}://{user}:{password}@{url['host']}\n"
        return f"{url['scheme']}://{url['host']}"

    left = [_URL.sub(without, argument) for argument in arguments]
    os.environ["NETRC"] = str(_write(directory / NETRC, netrc))
    os.environ |= {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "credential.helper",
        "GIT_CONFIG_VALUE_0": f"store --file={quote(str(_write(directory / GIT, git)))}",
    }
    return left


def remove(directory: Path) -> None:
    """Remove the files."""
    for name in (NETRC, GIT):
        (directory / name).unlink(missing_ok=True)


def _name(url: re.Match[str]) -> str:
    return url["host"].rpartition(":")[0] or url["host"]


def _quoted(part: str) -> str:
    return '"' + unquote(part).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _users_netrc() -> str:
    with suppress(OSError, UnicodeError):
        return Path(os.environ.get("NETRC") or "~/.netrc").expanduser().read_text(encoding="utf-8") + "\n"
    return ""


def _write(path: Path, text: str) -> Path:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path
