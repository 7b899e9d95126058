"""Deployments of plugins that have to pass dry runs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stack import Stack

    from influxdb3_embedded.testing import RunningEngine

PLUGIN = """
def process_writes(influxdb3_local, table_batches, args=None):
    threshold = float(args["threshold"])
    for batch in table_batches:
        for row in batch["rows"]:
            influxdb3_local.info(f"load {row['load']}")
            if row["load"] > threshold:
                influxdb3_local.write(LineBuilder("alert").tag("host", row["host"]).float64_field("load", LOAD))
"""
GATE = """
    test=WalTest(
        input_lp='''cpu,host=a load=9
        cpu,host=b load=1''',
        arguments={"threshold": 5},
        expect_writes=[re.compile("alert,host=a load=9.*")],
        database=DATABASE,
    ),
"""
PACKAGE = {
    "__init__.py": "from .greeting import greet\n"
    "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    greet(influxdb3_local, args)\n"
    "def process_request(influxdb3_local, query, headers, body, args=None):\n    return 'served'\n",
    "greeting.py": "def greet(local, args):\n    local.write(LineBuilder('m').int64_field('n', WORD))\n",
}


def file_program(db: str, load: str) -> str:
    gate = GATE.replace("DATABASE", repr(db))
    return f"""
import re
PluginFile("{db}.py", content={PLUGIN.replace("LOAD", load)!r},{gate})
"""


def directory_program(db: str, word: str) -> str:
    files = {name: content.replace("WORD", word) for name, content in PACKAGE.items()}
    return f"""
gate = ScheduleTest(schedule="0 0 6 * * *", expect_writes=["m n=1i"], database="{db}")
plugin = PluginDirectory("{db}", files={files!r}, test=[gate], delete_on_destroy=True)
Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=request("{db}"))
"""


def test_a_file_whose_dry_run_fails_is_not_written_and_its_log_is_shown(stack: Stack, engine: RunningEngine) -> None:
    db = f"db_{uuid.uuid4().hex[:8]}"
    stack.program(file_program(db, 'row["load"]'))
    stack.up()
    assert stack.up().changes() == ""
    live = (engine.plugin_dir / f"{db}.py").read_text()

    stack.program(file_program(db, 'row["lod"]'))
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert f"plugin file '{db}.py' was not changed: dry run 1 (wal)" in ran.output
    assert "KeyError: 'lod'" in ran.output

    stack.program(file_program(db, "7.0"))
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert "'/alert,host=a load=9.*/' was expected in" in ran.output
    assert "INFO: load 9.0" in ran.output
    assert (engine.plugin_dir / f"{db}.py").read_text() == live


def test_no_trigger_is_swapped_to_a_directory_whose_dry_run_fails(stack: Stack, engine: RunningEngine) -> None:
    db = f"db_{uuid.uuid4().hex[:8]}"
    engine.client.create_database(db)
    stack.program(directory_program(db, "1"))
    stack.up()
    (before,) = (row.plugin_filename for row in engine.client.triggers(db))

    stack.program(directory_program(db, "2"))
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert f"'m n=2i' was written to '{db}' and not expected" in ran.output
    assert [row.plugin_filename for row in engine.client.triggers(db)] == [before]
    assert engine.client.call_request_trigger(db).text == "served"

    stack.destroy()
    assert not list(engine.plugin_dir.glob(f"{before}*"))
