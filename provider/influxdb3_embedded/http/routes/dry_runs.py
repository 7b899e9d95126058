"""Dry runs: operations that run a plugin once and store nothing (contract 6)."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from influxdb3_embedded.errors import PluginError
from influxdb3_embedded.http.answers import json_answer
from influxdb3_embedded.http.disconnects import cancelled_on_disconnect
from influxdb3_embedded.runner import DryRun, PluginFileError
from influxdb3_embedded.services.names import DatabaseNameError, check_database_name
from influxdb3_embedded.services.triggers import MAX_SPECIFICATION_LENGTH
from influxdb3_engine_api import specification
from influxdb3_engine_api.specification import Cron, Every, SpecificationError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from influxdb3_embedded.engine import EmbeddedEngine
    from influxdb3_engine_api.wire import TestSchedulePlugin, TestWalPlugin

_EVERY_SECOND = "* * * * * *"


async def wal(engine: EmbeddedEngine, request: Request, body: TestWalPlugin) -> Response:
    """Make a dry run of a WAL plugin on line protocol."""
    await _check_plugin_file(engine, body.filename)
    try:
        check_database_name(body.database)
    except DatabaseNameError:
        return _wal_answer(DryRun(error=f"invalid database {body.database}"))
    database = engine.catalog.database(body.database)
    batches, errors = await asyncio.to_thread(engine.storage.validate, database.id if database else None, body.input_lp)
    if errors:
        return _wal_answer(DryRun(error=f"line protocol parse failed: {errors[0].message}"))
    run = await cancelled_on_disconnect(
        request,
        engine.runner.dry_run_wal(body.filename, body.database, batches, body.input_arguments, body.cache_name),
    )
    return await asyncio.to_thread(lambda: _wal_answer(run, _invalid_writes(engine, run)))


async def schedule(engine: EmbeddedEngine, request: Request, body: TestSchedulePlugin) -> Response:
    """Make a dry run of a schedule plugin, as if it were the next time of the schedule."""
    await _check_plugin_file(engine, body.filename)
    if engine.catalog.database(body.database) is None:
        return _schedule_answer(DryRun(error="couldn't find db"))
    text = _EVERY_SECOND if body.schedule is None else body.schedule.strip()
    if len(text) > MAX_SPECIFICATION_LENGTH:
        return _schedule_answer(DryRun(error=f"invalid cron syntax: longer than {MAX_SPECIFICATION_LENGTH} characters"))
    try:
        call_time = _parse_schedule(text).next_after(datetime.now(UTC))
    except SpecificationError as error:
        return _schedule_answer(DryRun(error=f"invalid cron syntax: {text}\n^\n{error.hint}"))
    if call_time is None:
        return _schedule_answer(DryRun(error=f"cron schedule never triggers: {text}"))
    # plugins get whole seconds (contract 4.4), and the answer has the same time
    call_time = call_time.replace(microsecond=0)
    run = await cancelled_on_disconnect(
        request,
        engine.runner.dry_run_schedule(body.filename, body.database, call_time, body.input_arguments, body.cache_name),
    )
    return await asyncio.to_thread(lambda: _schedule_answer(run, call_time, _invalid_writes(engine, run)))


async def _check_plugin_file(engine: EmbeddedEngine, filename: str) -> None:
    try:
        await engine.plugins.load(filename)
    except PluginFileError as error:
        raise PluginError(error.text) from None


def _parse_schedule(text: str) -> Cron | Every:
    """Parse a schedule: cron or an interval, with or without prefix."""
    if not text.startswith(("cron:", "every:")):
        try:
            text = specification.parse(f"every:{text}").text
        except SpecificationError:
            text = f"cron:{text}"
    parsed = specification.parse(text)
    assert isinstance(parsed, Cron | Every)
    return parsed


def _invalid_writes(engine: EmbeddedEngine, run: DryRun) -> list[str]:
    """Errors of the lines that a write would have refused."""
    errors = []
    for name, lines in run.database_writes.items():
        try:
            check_database_name(name)
        except DatabaseNameError as error:
            errors.append(f"database name {name} is invalid: {error.text}")
            continue
        database = engine.catalog.database(name)
        _, refused = engine.storage.validate(database.id if database else None, "\n".join(lines))
        errors += [
            f"line protocol parse error on write to db {name}: WriteLineError {{ "
            f"original_line: {json.dumps(line.original_line, ensure_ascii=False)}, line_number: {line.line_number}, "
            f"error_message: {json.dumps(line.message, ensure_ascii=False)} }}"
            for line in refused
        ]
    return errors


def _schedule_answer(run: DryRun, call_time: datetime | None = None, errors: list[str] | None = None) -> Response:
    trigger_time = call_time.strftime("%Y-%m-%dT%H:%M:%SZ") if call_time and run.error is None else None
    return json_answer({"trigger_time": trigger_time} | _body(run, errors))


def _wal_answer(run: DryRun, errors: list[str] | None = None) -> Response:
    return json_answer(_body(run, errors))


def _body(run: DryRun, errors: list[str] | None) -> dict[str, object]:
    if run.error is not None:
        # a failed run reports only its error
        return {"log_lines": [], "database_writes": {}, "errors": [run.error]}
    return {"log_lines": run.log_lines, "database_writes": run.database_writes, "errors": errors or []}
