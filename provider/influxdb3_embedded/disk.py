"""Errors of files: which file, and why it cannot be used."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ENOUGH = 256 << 10
"""Bytes that SQLite needs to begin a file and what belongs to it."""


class UnusableFileError(OSError):
    """A file of the engine cannot be read or written; the text says which and why."""


@contextmanager
def naming(path: Path | None) -> Iterator[None]:
    """Name a file in the errors of its use that do not: SQLite's, and those of a full disk.

    Args:
        path: The file or directory; None for one in memory.

    Raises:
        UnusableFileError: Instead of them.
    """
    try:
        yield
    except sqlite3.Error as error:
        cause = None if path is None else _cause(path)
        raise UnusableFileError(f"{path}: {error}" if cause is None else f"{path}: {error} ({cause})") from error
    except OSError as error:
        raise UnusableFileError(described(error, path)) from error


def described(error: OSError, path: Path | None = None) -> str:
    """An error as ``PATH: REASON``.

    Args:
        error: Any error of the operating system.
        path: What it is about if it does not say so.
    """
    if isinstance(error, UnusableFileError) or error.strerror is None:
        return str(error)
    place = error.filename or path
    reason = "is a file, not a directory" if isinstance(error, FileExistsError) else error.strerror
    return f"{place}: {reason}" if place else reason


def _cause(path: Path) -> str | None:
    """What SQLite does not say; None if nothing is found."""
    if path.is_dir():
        return "it is a directory"
    try:
        system = os.statvfs(path.parent)
    except OSError as error:
        return error.strerror
    if system.f_flag & os.ST_RDONLY:
        return "the file system is read-only"
    if system.f_bavail * system.f_frsize < _ENOUGH:
        return f"{system.f_bavail * system.f_frsize} bytes are free on its disk"
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.R_OK | os.W_OK)):
        return "permission denied"
    return None
