"""Errors of files that say which file cannot be used, and why."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BYTES_FOR_SQLITE = 256 << 10
"""Free bytes that SQLite needs to create a database."""


class UnusableFileError(OSError):
    """A file of the engine cannot be read or written. The text says which file, and why."""


@contextmanager
def file_errors(path: Path | None) -> Iterator[None]:
    """Raise an error that names the file, where SQLite or the operating system raise one that does not.

    Args:
        path: The file or directory that the block uses. None: an SQLite database in memory.

    Raises:
        UnusableFileError: The block raised ``sqlite3.Error`` or ``OSError``.
    """
    try:
        yield
    except sqlite3.Error as error:
        cause = None if path is None else _cause(path)
        raise UnusableFileError(f"{path}: {error}" if cause is None else f"{path}: {error} ({cause})") from error
    except OSError as error:
        raise UnusableFileError(describe(error, path)) from error


def describe(error: OSError, path: Path | None = None) -> str:
    """Return an error as ``PATH: REASON``.

    Args:
        error: Any error of the operating system.
        path: The path if the error does not name one.
    """
    if isinstance(error, UnusableFileError) or error.strerror is None:
        return str(error)
    place = error.filename or path
    reason = "is a file, not a directory" if isinstance(error, FileExistsError) else error.strerror
    return f"{place}: {reason}" if place else reason


def _cause(path: Path) -> str | None:
    """Find the cause of an SQLite error. None: unknown."""
    if path.is_dir():
        return "it is a directory"
    try:
        system = os.statvfs(path.parent)
    except OSError as error:
        return error.strerror
    if system.f_flag & os.ST_RDONLY:
        return "the file system is read-only"
    if system.f_bavail * system.f_frsize < _BYTES_FOR_SQLITE:
        return f"{system.f_bavail * system.f_frsize} bytes are free on its disk"
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.R_OK | os.W_OK)):
        return "permission denied"
    return None
