"""Storage and SQL engine without a server."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from influxdb3_embedded.sql import ROWS, DatabaseRef, Format, QueryFailed, SqlEngine
from influxdb3_embedded.storage import Precision, Storage

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

DATABASE = DatabaseRef(1, "d1")


class SqlEngineUnderTest:
    """Storage and SQL engine, with methods for tests that are not coroutines."""

    def __init__(self, memory_limit: int = 2**30) -> None:
        self.system_tables_made: list[str] = []
        self.storage = Storage(None)
        self.sql = SqlEngine(self.storage, lambda database: {"info": lambda: self._info(database)}, memory_limit)
        self._runner = asyncio.Runner()
        self.run(self.storage.start())

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(coroutine)

    def write(self, body: str) -> None:
        assert self.run(self.storage.write(1, body, precision=Precision.NANOSECOND)).errors == []

    def answer(self, sql: str, output: str, params: dict[str, Any] | None = None) -> bytes:
        answer: bytes = self.run(self.sql.answer(DATABASE, sql, params, output))
        return answer

    def rows(self, sql: str, params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.answer(sql, ROWS, params))
        return rows

    def text(self, sql: str, output: Format) -> str:
        return self.answer(sql, output).decode()

    def parquet(self, sql: str) -> pa.Table:
        return pq.read_table(io.BytesIO(self.answer(sql, Format.PARQUET)))

    def failure(self, sql: str, params: dict[str, Any] | None = None, output: str = ROWS) -> tuple[int, str]:
        with pytest.raises(QueryFailed) as caught:
            self.answer(sql, output, params)
        return caught.value.status, caught.value.text

    def close(self) -> None:
        self.sql.close()
        self.run(self.storage.stop())
        self._runner.close()

    def _info(self, database: str) -> pa.Table:
        self.system_tables_made.append(database)
        return pa.table({"name": [database]})


@contextmanager
def engine_in_memory(**options: int) -> Iterator[SqlEngineUnderTest]:
    engine = SqlEngineUnderTest(**options)
    try:
        yield engine
    finally:
        engine.close()
