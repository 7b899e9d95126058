"""The query process: runs one query at a time, so that a query that takes too much ends this process, not the engine.

The engine sends a query. The process answers ``result``, ``failure`` or ``unsupported``; before that, it asks for the
names and the rows of tables. Its report is a pipe to the engine: the standard error, and a `TICK` when the query has
used 25 ms of processor time and after each further 250 ms.
"""

from __future__ import annotations

import json
import os
import resource
import signal
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from influxdb3_embedded.sql.errors import QueryFailed, exhausted, with_limit
from influxdb3_embedded.sql.formats import Format, render
from influxdb3_embedded.sql.memory import QueryMemory, memory_of_process
from influxdb3_embedded.sql.processes.arrow_results import sent_schema, write_result
from influxdb3_embedded.sql.processes.channel import ARROW, ROWS, SCHEMA, SYSTEM, TABLES, Channel, Message
from influxdb3_embedded.sql.processes.datafusion_query import plan_query
from influxdb3_embedded.sql.processes.schemas import ProviderFactory, Source
from influxdb3_embedded.sql.processes.shared_tables import read
from influxdb3_embedded.sql.rows import UnsupportedTypeError, to_rows

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    import pyarrow as pa

    from influxdb3_embedded.storage.table_rows import TableRows

_FIRST_TICK, _NEXT_TICKS = 0.025, 0.25
"""Seconds of processor time before the first tick, and between ticks. Most queries end before the first tick."""

_OOM_SCORE = "1000"
"""The highest score: if memory runs out, Linux kills query processes first."""

_MOST_GROWTH = 128 * 2**20
"""Bytes by which a process may grow and still run another query."""


def run_queries(connection: socket.socket, report: int, scratch: Path) -> None:
    """Answer queries until the engine closes the socket. Called in a process that was just forked.

    Args:
        connection: The socket to the engine.
        report: The pipe to the engine.
        scratch: The directory for what queries write to disk. This function creates it.
    """
    _become_query_process(report, scratch)
    channel, providers, initial_memory = Channel(connection), ProviderFactory(), memory_of_process() or 0
    channel.send({"op": "ready", "pid": os.getpid()})
    with suppress(EOFError, ConnectionError):
        while True:
            query, _, _ = channel.receive()
            signal.setitimer(signal.ITIMER_PROF, _FIRST_TICK, _NEXT_TICKS)
            answer, attachment, descriptor = _answer(query, channel, providers)
            signal.setitimer(signal.ITIMER_PROF, 0)
            answer["again"] = (memory_of_process() or 0) - initial_memory < _MOST_GROWTH
            channel.send(answer, attachment, descriptor)
            if descriptor is not None:
                os.close(descriptor)


def _become_query_process(report: int, scratch: Path) -> None:
    os.dup2(report, 2)
    os.set_blocking(report, False)
    signal.signal(signal.SIGPROF, lambda _signal, _frame: None)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.set_wakeup_fd(report, warn_on_full_buffer=False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS reports an unlimited maximum and refuses to set it
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each large table is an open file
    scratch.mkdir()
    os.environ["TMPDIR"] = str(scratch)
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123 - Linux only
        file.write(_OOM_SCORE)


def _answer(query: dict[str, Any], channel: Channel, providers: ProviderFactory) -> Message:
    sources = {
        schema: Source(partial(_names, channel, schema), partial(_rows, channel, schema)) for schema in (TABLES, SYSTEM)
    }
    limit, output = query["memory"], query["output"]
    memory = QueryMemory(limit)
    try:
        memory.limit_process()
        for_flight = output in (ARROW, SCHEMA)
        planned = plan_query(query["sql"], query["params"], sources, memory, providers, with_kinds=for_flight)
        if output == ARROW:
            return Message({"op": "result"}, descriptor=write_result(planned, limit))
        if output == SCHEMA:
            return Message({"op": "result"}, sent_schema(planned.schema()).serialize().to_pybytes())
        return Message({"op": "result"}, _written(planned.table(), output))
    except QueryFailed as failure:
        return _failure(with_limit(failure, limit))
    except UnsupportedTypeError as error:
        return Message({"op": "unsupported", "text": str(error)})
    except MemoryError:
        return _failure(exhausted("the query", limit))


def _failure(failure: QueryFailed) -> Message:
    return Message({"op": "failure", "status": failure.status, "text": failure.text})


def _written(table: pa.Table, output: str) -> bytes:
    if output == ROWS:
        return json.dumps(to_rows(table)).encode("ascii")
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
