"""A state file of an earlier release: its resources have no ``retain``, and their options are not outputs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stack import Stack

PROGRAM = """
wal = "def process_writes(influxdb3_local, table_batches, args=None):\\n    pass\\n"
schedule = "def process_scheduled_call(influxdb3_local, call_time, args=None):\\n    pass\\n"
request_plugin = "def process_request(influxdb3_local, query, headers, body, args=None):\\n    return {{}}\\n"

d = Database("d", retain=False)
Database("kept")
f = PluginFile("w.py", content=wal, test=WalTest(input_lp="cpu v=1", expect_writes=[]), {gone})
g = PluginFile("s.py", content=schedule, adopt=True)
directory = PluginDirectory("dir", files={{"__init__.py": request_plugin}}, {gone})
in_place = PluginDirectory(
    "place", files={{"__init__.py": request_plugin}}, in_place=True, trigger_name="t3", adopt=True
)
PackageSet("ps", packages=["pip>=20"], reinstall=1, {gone})
PackageSet("ps2", requirements="pip>=19")
Trigger("t1", db=d.db, plugin_filename=f.plugin_filename, trigger_specification=ALL_TABLES,
        trigger_arguments={{"a": 1}}, watch=Watch(seconds=1), handover="cut", force_delete=True, adopt=True,
        restart_on=["a", 1])
Trigger("t2", db=d.db, plugin_filename=g.plugin_filename, trigger_specification=every("1h"), disabled=True,
        trigger_settings={{"error_behavior": "log"}})
Trigger("t3", db=d.db, plugin_filename=in_place.plugin_filename, trigger_specification=request("p3"), node_spec="all")
Trigger("t4", db=d.db, plugin_filename=directory.plugin_filename, trigger_specification=request("p4"))
"""


@pytest.mark.parametrize("gone", ["delete_on_destroy=True", "retain=False"])
def test_an_earlier_state_file_shows_no_change_and_is_not_rewritten(unreachable_stack: Stack, gone: str) -> None:
    stack = unreachable_stack
    state = shutil.copy(Path(__file__).with_name("earlier_state.json"), stack.directory)
    stack.run("stack", "import", "--file", str(state), expect=0)
    before = stack.resources()
    stack.program(PROGRAM.format(gone=gone))

    # there is no server at the stack's URL, so that `up` succeeds only if it sends nothing
    preview, up = stack.preview(), stack.up()

    assert (preview.changes(), up.changes()) == ("", "")
    assert "13 unchanged" in up.output
    after = stack.resources()
    assert after.keys() == before.keys()
    for name in after:
        assert (after[name]["inputs"], after[name]["outputs"]) == (before[name]["inputs"], before[name]["outputs"])
