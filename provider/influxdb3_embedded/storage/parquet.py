"""Rows that have aged out of the log: Parquet files, written whole or not at all, checked before they are read."""

from __future__ import annotations

import os
import uuid
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_READ_SIZE = 1 << 20
_ROW_GROUP_ROWS = 32_768


class DamagedFileError(Exception):
    """A Parquet file that is not what was written."""


@dataclass(slots=True)
class ParquetRows:
    """The rows of a segment in a file; they are read when asked for, never at start-up.

    Attributes:
        path: The file.
        num_rows: How many rows it has.
        size: Its length in bytes.
        checksum: CRC-32 of its bytes.
    """

    path: Path
    num_rows: int
    size: int
    checksum: int
    _verified: bool = field(default=False, repr=False)

    def check_size(self) -> None:
        """Find a file that is missing or torn without reading it.

        Raises:
            DamagedFileError: When it is.
        """
        try:
            size = self.path.stat().st_size
        except OSError as error:
            msg = f"{self.path.name}: {error.strerror}"
            raise DamagedFileError(msg) from error
        if size != self.size:
            msg = f"{self.path.name}: {size} bytes, {self.size} were written"
            raise DamagedFileError(msg)

    def verify(self) -> None:
        """Compare the bytes with the checksum, once in the life of the process.

        Raises:
            DamagedFileError: When they differ.
        """
        if self._verified:
            return
        self.check_size()
        if _checksum(self.path) != self.checksum:
            msg = f"{self.path.name}: the checksum differs"
            raise DamagedFileError(msg)
        self._verified = True

    def read(self) -> pa.Table:
        """The rows in time order."""
        self.verify()
        return pq.read_table(self.path)

    def set_aside(self) -> None:
        """Keep a damaged file for whoever wants to look at it, out of the engine's way."""
        if self.path.exists():
            self.path.rename(self.path.with_suffix(".damaged"))


def write_parquet(directory: Path, table: pa.Table) -> ParquetRows:
    """Write rows to a new file, which has its name only when it is complete and on disk.

    Args:
        directory: Where to; made if it is missing.
        table: Rows in time order.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{uuid.uuid4().hex}.parquet"
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        pq.write_table(table, file, compression="zstd", row_group_size=_ROW_GROUP_ROWS)
        file.flush()
        os.fsync(file.fileno())
    rows = ParquetRows(path, table.num_rows, unfinished.stat().st_size, _checksum(unfinished), _verified=True)
    unfinished.rename(path)
    _sync_directory(directory)
    return rows


def remove_strays(directory: Path, known: Iterable[Path]) -> None:
    """Remove what an interrupted snapshot left: unfinished files and files that nothing refers to."""
    wanted = set(known)
    for path in directory.glob("*"):
        if path.suffix in (".parquet", ".unfinished") and path not in wanted:
            path.unlink()


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(_READ_SIZE):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
