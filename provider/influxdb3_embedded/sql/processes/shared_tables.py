"""Shares rows of tables with query processes: the engine writes the rows once, and each process maps them.

The rows of a table are in one unnamed file. When the table changes, the engine appends the new rows. When more than
half of the file is out of date, the engine makes a new file.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from influxdb3_embedded.storage.table_rows import TableRows

if TYPE_CHECKING:
    from collections.abc import Hashable

_KEPT = 64
"""Tables whose rows stay shared. If there are more, the tables that were queried last stay."""

_ALIGNMENT = 64
"""Arrow wants the address of a column to be a multiple of this."""

_SMALL = 1 << 15
"""Up to this number of bytes, rows are sent with the message and not shared."""


@dataclass(slots=True)
class _Part:
    rows: weakref.ref[pa.Table]
    offset: int
    length: int


@dataclass(slots=True)
class _File:
    """The rows of one table."""

    descriptor: int = -1
    size: int = 0
    parts: dict[int, _Part] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def share(self, tables: list[pa.Table]) -> tuple[int, list[tuple[int, int]]]:
        """Append the tables that the file lacks. Returns a new descriptor, and offset and length of each table."""
        with self.lock:
            known = {id(table): part for table in tables if (part := self._find(table)) is not None}
            if self.descriptor < 0 or 2 * sum(part.length for part in known.values()) < self.size:
                self.close()
                self.descriptor, self.size, known = unnamed_file(), 0, {}
            self.parts = known
            for table in tables:
                if id(table) not in known:
                    known[id(table)] = self._append(table)
            places = [(known[id(table)].offset, known[id(table)].length) for table in tables]
            return os.dup(self.descriptor), places

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _find(self, table: pa.Table) -> _Part | None:
        part = self.parts.get(id(table))
        return part if part is not None and part.rows() is table else None

    def _append(self, table: pa.Table) -> _Part:
        offset = -(-self.size // _ALIGNMENT) * _ALIGNMENT
        os.lseek(self.descriptor, offset, os.SEEK_SET)
        with os.fdopen(self.descriptor, "wb", closefd=False) as file:
            _write(table, file)
        self.size = os.lseek(self.descriptor, 0, os.SEEK_CUR)
        return _Part(weakref.ref(table), offset, self.size - offset)


class SharedTables:
    """The shared tables. Thread-safe."""

    def __init__(self) -> None:
        self._files: OrderedDict[Hashable, _File] = OrderedDict()
        self._lock = Lock()

    def share(self, key: Hashable | None, rows: TableRows) -> tuple[dict[str, Any], bytes, int | None]:
        """Share rows.

        Args:
            key: The table, whose rows stay shared for the next call. None if the table is used once.
            rows: The rows of the table.

        Returns:
            The arguments of `read`: a JSON object, bytes, and a descriptor or None. The caller closes the descriptor.
        """
        attachment, descriptor = rows.schema.serialize().to_pybytes(), None
        schema = len(attachment)
        if sum(table.nbytes for table in rows.memory) <= _SMALL:
            streams = list(map(_stream, rows.memory))
            ends = list(accumulate(map(len, streams), initial=schema))
            places = [(start, end - start) for start, end in pairwise(ends)]
            attachment = b"".join([attachment, *streams])
        else:
            file = _File() if key is None else self._file(key)
            descriptor, places = file.share(rows.memory)
            if key is None:
                file.close()
        content = {
            "schema": schema,
            "places": places,
            "files": list(map(str, rows.files)),
            "expiring": None if rows.expiring is None else str(rows.expiring),
            "oldest": rows.oldest,
        }
        return content, attachment, descriptor

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            for file in self._files.values():
                with file.lock:
                    file.close()
            self._files.clear()

    def _file(self, key: Hashable) -> _File:
        with self._lock:
            file = self._files.setdefault(key, _File())
            self._files.move_to_end(key)
            while len(self._files) > _KEPT:
                _, oldest = self._files.popitem(last=False)
                with oldest.lock:
                    oldest.close()
            return file


def read(content: dict[str, Any], attachment: bytes, descriptor: int | None) -> TableRows:
    """Read the rows that the engine shares.

    Args:
        content: The JSON object from `SharedTables.share`.
        attachment: The bytes from `SharedTables.share`.
        descriptor: The descriptor from `SharedTables.share`. It stays open.
    """
    size = max((offset + length for offset, length in content["places"]), default=0)
    shared = memoryview(attachment if descriptor is None else mmap.mmap(descriptor, size, prot=mmap.PROT_READ))
    expiring = content["expiring"]
    return TableRows(
        pa.ipc.read_schema(pa.py_buffer(attachment[: content["schema"]])),
        [
            pa.ipc.open_stream(pa.py_buffer(shared[offset : offset + length])).read_all()
            for offset, length in content["places"]
        ],
        list(map(Path, content["files"])),
        None if expiring is None else Path(expiring),
        content["oldest"],
    )


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    _write(table, sink)
    return bytes(sink.getvalue())


def _write(table: pa.Table, sink: Any) -> None:
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)


def unnamed_file() -> int:
    """Make a file without a name, in memory if the system can. Returns its descriptor."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("influxdb3-rows")
    descriptor, name = tempfile.mkstemp(prefix="influxdb3-rows-")
    Path(name).unlink()
    return descriptor
