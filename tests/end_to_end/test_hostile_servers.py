"""Deployments to a URL where a gateway or another kind of server answers: they fail and keep the state."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

import pytest
from hostile_server import DELAYS, LIES, MARK, hostile_server
from stack import Stack

if TYPE_CHECKING:
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine
    from pulumi_cli import PulumiCli

CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e]")
PROGRAM = """
    db = Database("d", retain=False)
    plugin = PluginFile("p.py", content="def process_writes(i, t, a): pass\\n", delete_on_destroy=True)
    Trigger("t", db=db.db, plugin_filename=plugin.plugin_filename, trigger_specification=ALL_TABLES)
"""


@pytest.mark.parametrize("answer", ["a login page", "an error that steers the terminal", "a body that drips"])
def test_a_deployment_to_another_kind_of_server_fails_with_a_clear_error_and_creates_nothing(
    tmp_path: Path, cli: PulumiCli, answer: str
) -> None:
    with hostile_server((LIES | DELAYS)[answer]) as server:
        config = {"influxdb3:hostUrl": server.url, "influxdb3:timeout": "1"}
        stack = Stack(tmp_path / "stack", cli, os.environ, config=config)
        stack.program(PROGRAM)
        began = time.monotonic()
        ran = stack.up(expect=None)
        assert time.monotonic() - began < 120

    assert ran.status != 0
    assert stack.resources() == {}
    assert not ran.has_traceback(), ran.output
    assert not CONTROL_CHARACTERS.search(ran.output), ascii(ran.output)
    expected = {
        "a login page": f"text/html from 'nginx', titled 'Sign in {MARK}'",
        "an error that steers the terminal": rf"answered 500: \x1b[2J\x1b]0;{MARK}\x07",
        "a body that drips": "influxdb3:timeout is 1 s",
    }
    assert expected[answer] in ran.output, ran.output


def test_a_login_page_in_front_of_a_server_removes_no_resource(
    tmp_path: Path, cli: PulumiCli, engine: RunningEngine
) -> None:
    stack = Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": engine.url})
    stack.program(PROGRAM)
    stack.up()
    before = stack.resources()

    for lie in ("a login page", "a gateway's JSON that is not found"):
        with hostile_server(LIES[lie]) as server:
            # the stack's URL leads to the gateway now
            stack.run("config", "set", "influxdb3:hostUrl", server.url, expect=0)
            for ran in (stack.up(expect=None), stack.refresh("--run-program", expect=None)):
                assert ran.status != 0, ran.output
                assert "influxdb3:hostUrl" in ran.output
            stack.program("")
            assert stack.up(expect=None).status != 0
            stack.program(PROGRAM)
        assert stack.resources().keys() == before.keys()

    stack.run("config", "set", "influxdb3:hostUrl", engine.url, expect=0)
    assert stack.up().changes() == ""
    assert [row.trigger_name for row in engine.client.triggers("d")] == ["t"]
    stack.destroy()


TRIGGER = 'Trigger("t", db="d", plugin_filename="p.py", trigger_specification={})'
PLUGIN = (
    'PluginFile("p.py", content="def process_writes(i, t, a): pass", test=WalTest(input_lp="m v=1", expect_writes={}))'
)


@pytest.mark.parametrize(
    ("declaration", "named"),
    [
        (TRIGGER.format('pulumi.Output.concat("requests:", hidden)'), "trigger_specification: "),
        (PLUGIN.format("[hidden]"), "test[0].expect_writes: "),
        ('PackageSet("s", packages=[pulumi.Output.concat("x @ https://u:", hidden, "@h/x y")])', "packages[0]: "),
    ],
)
def test_no_error_of_a_preview_contains_a_secret(unreachable_stack: Stack, declaration: str, named: str) -> None:
    unreachable_stack.program(f"""
        hidden = pulumi.Output.secret("k9-hunter2")
        {declaration}
    """)
    refused = unreachable_stack.preview(expect=None)
    assert refused.status != 0
    assert named in refused.output, refused.output
    assert "hunter2" not in refused.output, refused.output
