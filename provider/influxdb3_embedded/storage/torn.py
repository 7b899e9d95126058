"""Finding out that SQLite's own write-ahead file ends in something that was never a commit, or is none any more."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_HEADER = struct.Struct(">6I 8x")  # magic, version, page size, checkpoint, and the two salts of this generation
_FRAME = struct.Struct(">2I 2I 8x")  # page, size after commit, salts


def pages_in_write_ahead_file(database: Path) -> int:
    """How many pages the write-ahead file of a database has, the last of which may be torn.

    Pages of an earlier generation, which are still there after a checkpoint, do not count: their salts differ.

    Args:
        database: The SQLite database, which is not open.
    """
    path = database.with_name(f"{database.name}-wal")
    if not path.exists():
        return 0
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return 0
        _, _, page_size, _, *salts = _HEADER.unpack(header)
        pages = 0
        while len(frame := file.read(_FRAME.size)) == _FRAME.size and [*_FRAME.unpack(frame)[2:]] == salts:
            pages += 1
            file.seek(page_size, 1)
    return pages


def pages_recovered(connection: sqlite3.Connection) -> int:
    """How many pages of the write-ahead file SQLite took for whole and committed; asked before anything is written."""
    (_, pages, _) = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(pages)
