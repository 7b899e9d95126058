"""Storage without a server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from influxdb3_embedded.sql import to_rows
from influxdb3_embedded.storage import Precision, Storage, WriteOutcome

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

DATABASE = 1
Result = TypeVar("Result")


class OpenStorage:
    """A started storage for tests that are not coroutines."""

    def __init__(self, directory: Path | None, **options: Any) -> None:
        self.storage = Storage(directory, **options)
        self._runner = asyncio.Runner()
        try:
            self.run(self.storage.start())
        except BaseException:
            self._runner.close()
            raise

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return self._runner.run(coroutine)

    def write(self, body: bytes | str, **options: Any) -> WriteOutcome:
        options.setdefault("precision", Precision.NANOSECOND)
        return self.run(self.storage.write(DATABASE, body, **options))

    def errors(self, body: bytes | str, **options: Any) -> list[tuple[str, int, str]]:
        return [(error[0], error[1], error[2]) for error in self.write(body, **options).errors]

    def rows(self, table: str, database: int = DATABASE) -> list[dict[str, Any]]:
        """Return the rows in time order, without nulls."""
        found = self.storage.table(database, table)
        assert found is not None
        rows = to_rows(found if isinstance(found, pa.Table) else found.to_table())
        present = [{name: value for name, value in row.items() if value is not None} for row in rows]
        return sorted(present, key=lambda row: row["time"])

    def snapshot(self) -> None:
        self.run(self.storage.snapshot())

    def close(self) -> None:
        self.run(self.storage.stop())
        self._runner.close()
