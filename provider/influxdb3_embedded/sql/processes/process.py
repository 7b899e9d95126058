"""A process that runs SQL, one query at a time: a query that takes too much costs this process, not the engine.

The process is sent a ``query`` and answers ``result``, ``failure`` or ``unsupported``; in between it asks for the names
and the rows of tables. Its report, a pipe to the engine, is its standard error and gets a `TICK` when a query has taken
25 milliseconds of processor time, and another for each further quarter of a second.
"""

from __future__ import annotations

import json
import os
import resource
import signal
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from influxdb3_embedded.sql.errors import QueryFailed, exhausted, with_limit
from influxdb3_embedded.sql.formats import Format, render
from influxdb3_embedded.sql.memory import QueryMemory, memory_of_process
from influxdb3_embedded.sql.processes.channel import ARROW, ROWS, SYSTEM, TABLES, Channel
from influxdb3_embedded.sql.processes.datafusion_query import execute
from influxdb3_embedded.sql.processes.schemas import ProviderFactory, Source
from influxdb3_embedded.sql.processes.shared_tables import read
from influxdb3_embedded.sql.rows import UnsupportedTypeError, to_rows

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from influxdb3_embedded.storage.table_rows import TableRows

_FIRST_TICK, _NEXT_TICKS = 0.025, 0.25
"""Seconds of processor time: longer than most queries take, and how often the engine is told of the others."""

_OOM_SCORE = "1000"
"""When memory runs out, a query is to be killed before everything else."""

_MOST_KEPT = 128 * 2**20
"""Bytes that a process may have grown by and still be used again."""


def run_queries(connection: socket.socket, report: int, scratch: Path) -> None:
    """Answer queries until the engine hangs up; called in a process that was just forked.

    Args:
        connection: The socket to the engine.
        report: The pipe.
        scratch: The directory for what queries write to disk; made here.
    """
    _become_query_process(report, scratch)
    channel, providers, born_with = Channel(connection), ProviderFactory(), memory_of_process() or 0
    channel.send({"op": "ready", "pid": os.getpid()})
    with suppress(EOFError, ConnectionError):
        while True:
            query, _, _ = channel.receive()
            signal.setitimer(signal.ITIMER_PROF, _FIRST_TICK, _NEXT_TICKS)
            answer, attachment = _answer(query, channel, providers)
            signal.setitimer(signal.ITIMER_PROF, 0)
            answer["again"] = (memory_of_process() or 0) - born_with < _MOST_KEPT
            channel.send(answer, attachment)


def _become_query_process(report: int, scratch: Path) -> None:
    os.dup2(report, 2)
    os.set_blocking(report, False)
    signal.signal(signal.SIGPROF, lambda _signal, _frame: None)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.set_wakeup_fd(report, warn_on_full_buffer=False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS refuses what it calls unlimited
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each large table is an open file
    scratch.mkdir()
    os.environ["TMPDIR"] = str(scratch)
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123 - Linux only
        file.write(_OOM_SCORE)


def _answer(query: dict[str, Any], channel: Channel, providers: ProviderFactory) -> tuple[dict[str, Any], bytes]:
    sources = {
        schema: Source(partial(_names, channel, schema), partial(_rows, channel, schema)) for schema in (TABLES, SYSTEM)
    }
    memory = QueryMemory(query["memory"])
    try:
        memory.limit_process()
        table = execute(query["sql"], query["params"], sources, memory, providers)
        return {"op": "result"}, _written(table, query["output"])
    except QueryFailed as failure:
        return _failure(with_limit(failure, query["memory"]))
    except UnsupportedTypeError as error:
        return {"op": "unsupported", "text": str(error)}, b""
    except MemoryError:
        return _failure(exhausted("the query", query["memory"]))


def _failure(failure: QueryFailed) -> tuple[dict[str, Any], bytes]:
    return {"op": "failure", "status": failure.status, "text": failure.text}, b""


def _written(table: pa.Table, output: str) -> bytes:
    if output == ROWS:
        return json.dumps(to_rows(table)).encode("ascii")
    if output == ARROW:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return bytes(sink.getvalue())
    return render(table, Format(output))


def _names(channel: Channel, schema: str) -> list[str]:
    channel.send({"op": "names", "schema": schema})
    names: list[str] = channel.receive().content["names"]
    return names


def _rows(channel: Channel, schema: str, name: str) -> TableRows | None:
    channel.send({"op": "rows", "schema": schema, "name": name})
    content, attachment, descriptor = channel.receive()
    if "error" in content:
        raise QueryFailed(500, content["error"])
    if "places" not in content:
        return None
    try:
        return read(content, attachment, descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)
