"""What other processes can see of the engine: its plugins run as the same user, others may read its files."""

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

_ENTRY_OF_OTHERS = 0o077
CATALOG = "catalog.sqlite"
"""The file that makes a directory that of a node."""

_log = logging.getLogger(__name__)
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def keep_descriptors() -> None:
    """Let no child inherit a descriptor that this process has inherited itself."""
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - numbers, not paths
        if int(name) > 2:
            with suppress(OSError):  # the listing's own
                os.set_inheritable(int(name), False)


def forget_variables(kept: Collection[str]) -> None:
    """Remove environment variables for good, also from where ``/proc/PID/environ`` shows them.

    Args:
        kept: The names of those that stay.
    """
    entries = [] if _LIBC is None else [(address, ctypes.string_at(address)) for address in _entries(_LIBC)]
    for name in set(os.environ) - set(kept):
        del os.environ[name]
    for address, entry in entries:
        if os.fsdecode(entry.partition(b"=")[0]) not in kept:
            ctypes.memset(address, 0, len(entry))


def make_private(data_dir: Path, node_dir: Path) -> None:
    """Make the data directory, and take it and all in it from everybody but its owner; links are not followed.

    Args:
        data_dir: What holds the data of nodes; left as it is if it holds anything else.
        node_dir: The data of a node, below it.

    Raises:
        OSError: A directory cannot be made, or the file system is read-only.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    node_dir.mkdir(mode=0o700, exist_ok=True)
    try:
        if all(each == node_dir or (each / CATALOG).exists() for each in data_dir.iterdir()):
            _take_from_others(data_dir)
        _take_from_others(node_dir)
        for place, directories, files in os.walk(node_dir):
            for name in (*directories, *files):
                _take_from_others(Path(place, name))
            directories[:] = [name for name in directories if name != ".venv"]
    except PermissionError as error:
        _log.warning("others may be able to read the data: %s", error)


def _take_from_others(path: Path) -> None:
    mode = path.lstat().st_mode
    if mode & _ENTRY_OF_OTHERS and not stat.S_ISLNK(mode):
        path.chmod(stat.S_IMODE(mode) & ~_ENTRY_OF_OTHERS)


def _entries(libc: ctypes.CDLL) -> Iterator[int]:
    block = ctypes.POINTER(ctypes.c_void_p).in_dll(libc, "environ")
    return takewhile(bool, (block[position] for position in count()))
