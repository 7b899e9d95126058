"""Writes rows to Parquet files and reads them back. A file is written whole or not at all, and checked before use."""

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
    """A Parquet file is missing, or its bytes are not the ones written."""


@dataclass(slots=True)
class ParquetRows:
    """The rows of a segment in a Parquet file. The start of an engine does not read them.

    Attributes:
        path: The file.
        num_rows: Number of rows.
        size: Length of the file in bytes.
        checksum: CRC-32 of the file.
    """

    path: Path
    num_rows: int
    size: int
    checksum: int
    _verified: bool = field(default=False, repr=False)

    def check_size(self) -> None:
        """Check that the file exists and is complete, without reading it.

        Raises:
            DamagedFileError: The file is missing, or its length differs.
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
        """Compare the file with its checksum, once in the life of the process.

        Raises:
            DamagedFileError: The file is missing, or its bytes differ.
        """
        if self._verified:
            return
        self.check_size()
        if _checksum(self.path) != self.checksum:
            msg = f"{self.path.name}: the checksum differs"
            raise DamagedFileError(msg)
        self._verified = True

    def read(self) -> pa.Table:
        """Read the rows, in time order."""
        self.verify()
        return pq.read_table(self.path)

    def set_aside(self) -> None:
        """Rename a damaged file to ``*.damaged``, so that the user can inspect it."""
        if self.path.exists():
            self.path.rename(self.path.with_suffix(".damaged"))


def write_parquet(directory: Path, table: pa.Table) -> ParquetRows:
    """Write rows to a new file. The file gets its name when it is complete and on disk.

    Args:
        directory: Directory of the file, created if missing.
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


def remove_unknown_files(directory: Path, known: Iterable[Path]) -> None:
    """Remove the files that an interrupted snapshot left: unfinished ones, and those that the log does not know."""
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
