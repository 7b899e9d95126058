"""Hides secrets and data of the engine: its plugins run as the same user, and other users may read its files."""

from __future__ import annotations

import ctypes
import logging
import os
import stat
import sys
from contextlib import suppress
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_RIGHTS_OF_OTHERS = 0o077
CATALOG = "catalog.sqlite"
"""The file that marks a directory as the data of a node."""

_log = logging.getLogger(__name__)
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def stop_descriptor_inheritance() -> None:
    """Let no child process inherit a descriptor that this process has inherited."""
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - numbers, not paths
        if int(name) > 2:
            with suppress(OSError):  # the descriptor of the listing is closed already
                os.set_inheritable(int(name), False)


def erase_variables(kept: Collection[str]) -> None:
    """Remove environment variables, also from ``/proc/PID/environ``.

    Args:
        kept: Names of the variables that stay.
    """
    entries = [] if _LIBC is None else [(address, ctypes.string_at(address)) for address in _entries(_LIBC)]
    for name in set(os.environ) - set(kept):
        del os.environ[name]
    for address, entry in entries:
        if os.fsdecode(entry.partition(b"=")[0]) not in kept:
            ctypes.memset(address, 0, len(entry))


def make_private(data_dir: Path, node_dir: Path) -> None:
    """Create the data directory, and remove the rights of all but its owner from it and its content.

    Links are not followed.

    Args:
        data_dir: Directory of the data of nodes. Its rights do not change if it holds anything else.
        node_dir: Directory of the data of one node, below ``data_dir``.

    Raises:
        OSError: A directory cannot be created, or the file system is read-only.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    node_dir.mkdir(mode=0o700, exist_ok=True)
    try:
        if all(each == node_dir or (each / CATALOG).exists() for each in data_dir.iterdir()):
            _remove_rights_of_others(data_dir)
        _remove_rights_of_others(node_dir)
        for place, directories, files in os.walk(node_dir):
            for name in (*directories, *files):
                _remove_rights_of_others(Path(place, name))
            directories[:] = [name for name in directories if name != ".venv"]
    except PermissionError as error:
        _log.warning("other users may be able to read the data: %s", error)


def _remove_rights_of_others(path: Path) -> None:
    mode = path.lstat().st_mode
    if mode & _RIGHTS_OF_OTHERS and not stat.S_ISLNK(mode):
        path.chmod(stat.S_IMODE(mode) & ~_RIGHTS_OF_OTHERS)


def _entries(libc: ctypes.CDLL) -> Iterator[int]:
    """Return the addresses of the environment's entries ``NAME=VALUE``."""
    block = ctypes.POINTER(ctypes.c_void_p).in_dll(libc, "environ")
    return takewhile(bool, (block[position] for position in count()))
