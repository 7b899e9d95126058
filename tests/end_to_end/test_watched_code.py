"""Triggers that stay the same while their plugin or its configuration file changes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stack import Stack

    from influxdb3_embedded.testing import RunningEngine

RUNS = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    influxdb3_local.info('{0}')\n"
FAILS = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    raise ValueError('{0}')\n"
CONFIGURED = """\
import os
def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    if influxdb3_local.cache.get("limit") is None:
        with open(os.environ["PLUGIN_DIR"] + "/" + args["file"]) as file:
            influxdb3_local.cache.put("limit", file.read())
    return influxdb3_local.cache.get("limit")
"""


def watched(db: str, content: str, *, watch: str | None = "Watch(seconds=20)") -> str:
    return f"""
        plugin = PluginFile("{db}.py", content={content!r})
        Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=every("1s"),
                watch={watch})
    """


def known_code(stack: Stack) -> str | None:
    stored: str | None = stack.resources()["t"]["outputs"].get("plugin_sha256")
    return stored


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_code_whose_run_fails_is_rolled_back_and_the_next_up_tries_it_again(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    good, better = RUNS.format("good"), RUNS.format("better")
    file = engine.plugin_dir / f"{db}.py"
    stack.program(watched(db, good))
    stack.up()
    assert known_code(stack) == sha256(good)
    assert stack.up().changes() == ""

    # the state stores the code that failed: the next up has to try the same code again
    for number in (1, 1, 2):
        stack.program(watched(db, FAILS.format(f"bad {number}")))
        output = stack.up(expect=None).output
        assert "trigger 't' in database" in output
        assert "failed when its new code first ran. Its previous code is there again; the next 'pulumi up'" in output
        assert f"ValueError: bad {number}" in output
        assert file.read_text() == good
        assert known_code(stack) == sha256(good)

    stack.program(watched(db, better))
    stack.up()
    assert (file.read_text(), known_code(stack)) == (better, sha256(better))
    assert stack.up().changes() == ""
    stack.refresh("--expect-no-changes")


def test_without_a_watch_a_change_of_code_sends_nothing_to_its_trigger(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    stack.program(watched(db, RUNS.format("one"), watch=None))
    stack.up()
    stack.program(watched(db, FAILS.format("two"), watch=None))
    assert stack.up().changes() == "~ 1 updated"
    assert (engine.plugin_dir / f"{db}.py").read_text() == FAILS.format("two")

    # the first deployment with a watch only stores the hash of the code
    stack.program(watched(db, FAILS.format("two")))
    assert stack.up().changes() == "~ 1 updated"
    assert known_code(stack) == sha256(FAILS.format("two"))


def test_restart_on_restarts_the_triggers_that_cache_a_configuration_file(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    def program(limit: str, on: str = "conf.content_sha256") -> str:
        return f"""
            conf = PluginFile("{db}.conf", content={limit!r})
            plugin = PluginFile("{db}.py", content={CONFIGURED!r})
            Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=request("{db}"),
                    trigger_arguments={{"file": "{db}.conf"}}, restart_on=[{on}, 5, "text"])
        """

    def answer() -> str:
        return engine.client.call_request_trigger(db).text

    stack.program(program("1"))
    stack.up()
    assert answer() == "1"
    stack.program(program("2"))
    assert stack.preview("--diff").output.count("restart_on") >= 1
    assert stack.up().changes() == "~ 2 updated"
    assert answer() == "2"
    assert stack.up().changes() == ""
