"""The engine's log has one line for each event, whatever text the event quotes."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest

from influxdb3_embedded.logs import LogfmtFormatter
from influxdb3_embedded.testing import start_engine
from influxdb3_engine_api.wire import TestSchedulePlugin

if TYPE_CHECKING:
    from pathlib import Path

PRINTS = """
def process_scheduled_call(influxdb3_local, call_time, args=None):
    print('moved\\rback', 'red\\x1b[31m', 'next\\x85line', 'separated\\u2028lines', 'na\\u00efve', sep='|', flush=True)
"""


def line(message: str, **details: Any) -> str:
    return LogfmtFormatter().format(
        logging.makeLogRecord({"name": "engine", "levelname": "INFO", "msg": message, **details})
    )


@pytest.mark.parametrize("code", [*range(32), 0x7F, 0x85, 0x9B, 0x2028, 0x2029, 0x202E, 0xD800])
def test_no_control_character_reaches_a_line(code: int) -> None:
    written = line(f"before{chr(code)}level=error", fields={"trigger": f"t{chr(code)}"})

    assert written.isprintable()
    assert len(written.splitlines()) == 1
    assert written.count('"') == 4


def test_a_traceback_is_part_of_its_line() -> None:
    try:
        raise ValueError('first\nsecond "quoted" \\')
    except ValueError:
        written = line("failed", exc_info=sys.exc_info())

    assert len(written.splitlines()) == 1
    assert r'\nValueError: first\nsecond \"quoted\" \\"' in written


@pytest.mark.parametrize(("text", "written"), [("plain", "plain"), ("", '""'), ("naïve", "naïve"), ("a b", '"a b"')])
def test_printable_text_is_unchanged(text: str, written: str) -> None:
    assert line(text).endswith(f" message={written}")


def test_the_output_of_a_plugin_is_one_line(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory") as engine:
        engine.client.create_plugin_file("prints.py", PRINTS)
        engine.client.test_schedule_plugin(TestSchedulePlugin(filename="prints.py", database="_internal"))
        while "naïve" not in engine.logs:
            assert engine.process.poll() is None
    (printed,) = (each for each in engine.logs.split("\n") if "moved" in each)
    assert printed.isprintable()
    assert r"moved\rback|red\x1b[31m|next\x85line|separated\u2028lines|naïve" in printed
