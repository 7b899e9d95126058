"""Errors of files, with the path that they are about."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class UnusableFileError(OSError):
    """A file of the engine cannot be read or written; the text says which and why."""


@contextmanager
def naming(path: Path | None) -> Iterator[None]:
    """Name a file in the errors of its use that do not: SQLite's, and those of a full disk.

    Raises:
        UnusableFileError: Instead of them.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise UnusableFileError(f"{path}: {error}") from error
    except OSError as error:
        if error.filename is None:
            raise UnusableFileError(f"{path}: {error.strerror or error}") from error
        raise
