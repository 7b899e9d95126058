"""Waiting until a trigger may be stopped: not during a run, and not just before one.

Since 3.10.3 (Core) and 3.10.2 (Enterprise), ``disable`` interrupts a run (contract 10.3). Earlier servers wait for the
run, and all other changes wait, too. If the run writes to a new table or column, server and run wait for each other:
nothing can be changed until a restart (measured on Core 3.10.0).
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.server.retry import is_server_fault, with_retries
from influxdb3_engine_resources.triggers.inputs import label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_engine_api.specification import Cron, Every
    from influxdb3_engine_api.wire import LogRow
    from influxdb3_engine_resources.server.engine import Engine
    from influxdb3_engine_resources.triggers.inputs import TriggerInputs

STARTED = "starting execution "
FINISHED = "finished execution in "
_INTERRUPTED = "execution was interrupted"
_FAILED = ("error executing ", "error running ")

_SECONDS_BETWEEN_LOOKS = 0.25
_SECONDS_UNTIL_TOLD = 2.0
_SECONDS_TO_WRITE = 0.1
"""Just after its last log row, the server stores what a run has written, with new tables and columns."""
_SOON = timedelta(seconds=0.5)
"""If a run is due so soon, the trigger is stopped after it. Longer than stopping and starting takes."""
_NAMED = 3
"""How many times of runs a notice names."""
_FLUSH = timedelta(seconds=1)
"""Time between flushes: a trigger that is stopped gets no writes since the last flush."""


def wait_for_run_end(state: TriggerInputs, engine: Engine) -> None:
    """Wait for the end of a trigger's run, and of a run that is due at once.

    Needs one query, and more during a run; waits at most ``influxdb3:timeout``.
    """
    if state.disabled or state.served_path:
        return
    _wait_for_the_current_run(state, engine)
    schedule, now = state.schedule, datetime.now(UTC)
    due = schedule and schedule.next_after(now)
    if due and due - now <= _SOON:
        time.sleep((due - now).total_seconds() + _SECONDS_BETWEEN_LOOKS / 2)
        _wait_for_the_current_run(state, engine)


def wait_if_runs_block(state: TriggerInputs, engine: Engine) -> None:
    """As ``wait_for_run_end``, but only on servers that a run can block: not on the embedded engine.

    Raises:
        EngineApiError: The server could not be asked for its release.
    """
    if not (state.disabled or state.served_path) and engine.hosts[0].facts.blocks_on_runs():
        wait_for_run_end(state, engine)


def wait_for_candidate_run_end(candidate: TriggerInputs, engine: Engine) -> None:
    """Wait for the end of the candidate's first run: new code may write to new tables and columns.

    Needs one query on a real server.
    """
    try:
        if not engine.hosts[0].facts.blocks_on_runs():
            return
    except EngineApiError:
        pass
    time.sleep(_SECONDS_TO_WRITE)  # until the run begins
    _wait_for_the_current_run(candidate, engine)


@contextmanager
def notice_of_gap(state: TriggerInputs, inputs: TriggerInputs) -> Iterator[None]:
    """Enclose a time without a definition: then say which writes and which runs may be missing."""
    start = datetime.now(UTC)
    try:
        yield
    finally:
        end = datetime.now(UTC)
        if state.runs_on_writes and inputs.runs_on_writes:
            notice(
                f"{label(inputs)}: writes between {_text(start - _FLUSH)} and {_text(end)} may not have been "
                "processed, since no definition was live; handover='carry' avoids that"
            )
        skipped = {due for each in (state.schedule, inputs.schedule) if each for due in _times(each, start, end)}
        if skipped:
            named = ", ".join(_text(due) for due in sorted(skipped)[:_NAMED])
            notice(f"{label(inputs)}: the runs at {named} may have been skipped, since no definition was live")


def notice_of_overlap(inputs: TriggerInputs, start: datetime, end: datetime | None) -> None:
    """Say if two definitions were enabled for so long that a flush may have reached both."""
    if end and end - start > _FLUSH:
        notice(
            f"{label(inputs)}: writes between {_text(start)} and {_text(end)} may have been processed twice, since "
            "the server took long to stop one of the two definitions"
        )


def _wait_for_the_current_run(state: TriggerInputs, engine: Engine) -> None:
    try:
        began = time.monotonic()
        run = _current_run(state, engine)
        told = False
        while run is not None and _current_run(state, engine) == run:
            waited = time.monotonic() - began
            if waited > engine.configuration.timeout:
                notice(f"{label(state)} is stopped during a run that has not ended in {waited:.0f} s")
                return
            if waited > _SECONDS_UNTIL_TOLD and not told:
                notice(f"{label(state)}: waiting for the end of its run")
                told = True
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        if run is not None:
            time.sleep(_SECONDS_TO_WRITE)
    except EngineApiError as error:
        notice(f"{label(state)}: a run may be interrupted, since its log cannot be read: {with_remedy(error)}")


def _current_run(state: TriggerInputs, engine: Engine) -> LogRow | None:
    """The first log row of the current run, or None if no run is under way."""
    read = engine.client.trigger_logs
    rows = with_retries(lambda: read(state.db, state.trigger_name, limit=1000), retry_on=is_server_fault)
    for row in reversed(rows):
        if row.log_text.startswith(STARTED):
            return row
        if row.log_text.startswith((FINISHED, _INTERRUPTED)):
            return None
        if row.log_level == "ERROR" and row.log_text.startswith(_FAILED):
            return None
    return None


def _times(schedule: Cron | Every, start: datetime, end: datetime) -> list[datetime]:
    def following() -> Iterator[datetime]:
        due = schedule.next_after(start)
        while due is not None and due <= end:
            yield due
            due = schedule.next_after(due)

    return list(islice(following(), _NAMED))


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
