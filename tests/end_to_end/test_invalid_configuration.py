"""Invalid stack configuration: one error without a traceback, with the command that corrects it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from stack import Stack

if TYPE_CHECKING:
    from stack import Ran

    from influxdb3_embedded.testing import RunningEngine

PROGRAM = """
plugin = PluginFile("p.py", content="def process_scheduled_call(i, t, a): pass")
for number in range(8):
    Trigger(f"t{number}", db="d", plugin_filename=plugin.plugin_filename, trigger_specification=every("1h"))
"""
ERRORS = {
    "hostUrl 127.0.0.1:8181": "influxdb3:hostUrl: the server's URL does not start with http:// or https://: "
    "pulumi config set influxdb3:hostUrl http://127.0.0.1:8181",
    "timeout 30s": "influxdb3:timeout: a number of seconds above 0 is needed, without a unit: "
    "pulumi config set influxdb3:timeout 30",
    "hosturl http://h:1": "influxdb3:hosturl: unknown key, perhaps influxdb3:hostUrl is meant: pulumi config rm",
    "token apiv3_key --secret": "influxdb3:token: unknown key, perhaps influxdb3:authToken is meant: pulumi config rm",
}


def diagnostics(ran: Ran) -> list[str]:
    """The lines of the CLI's diagnostics."""
    assert "Traceback" not in ran.output, ran.output
    return [line.strip() for line in ran.output.partition("Diagnostics:")[2].splitlines()]


@pytest.mark.parametrize("setting", ERRORS)
def test_an_invalid_key_or_value_is_one_error_of_the_deployment(unreachable_stack: Stack, setting: str) -> None:
    unreachable_stack.program(PROGRAM)
    key, *rest = setting.split()
    unreachable_stack.run("config", "set", f"influxdb3:{key}", *rest, expect=0)
    for command in (unreachable_stack.preview, unreachable_stack.up):
        ran = command(expect=None)
        assert ran.status != 0
        lines = [line for line in diagnostics(ran) if f"influxdb3:{key}: " in line]
        assert len(lines) == 1, ran.output
        assert lines[0].startswith(f"error: {ERRORS[setting]}"), ran.output
        assert "dynamic/influxdb3" not in ran.output  # no resource was declared


def test_a_project_named_influxdb3_may_have_keys_of_its_own(unreachable_stack: Stack) -> None:
    (unreachable_stack.directory / "Pulumi.yaml").write_text("name: influxdb3\nruntime: python\n")
    unreachable_stack.run("stack", "select", "dev", "--create", expect=0)
    unreachable_stack.run("config", "set", "colour", "red", expect=0)
    unreachable_stack.program(PROGRAM)
    unreachable_stack.preview(expect=0)


def test_every_command_names_the_environment_variable_with_an_invalid_value(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    stack.program(PROGRAM.replace('"d"', f'"{db}"').replace('"p.py"', f'"{db}.py"'))
    stack.up()
    wrong = {**os.environ, "INFLUXDB3_AUTH_TOKEN": "hunter2 hunter3"}
    misconfigured = Stack(stack.directory, stack.cli, wrong)
    reason = "INFLUXDB3_AUTH_TOKEN: the API token contains a space, a line break or another character"
    for command in (misconfigured.preview, misconfigured.up, misconfigured.refresh, misconfigured.destroy):
        ran = command(expect=None)
        assert ran.status != 0
        assert len([line for line in diagnostics(ran) if reason in line]) == 1, ran.output
        assert "export INFLUXDB3_AUTH_TOKEN=TOKEN" in ran.output
        assert "hunter" not in ran.output
    assert len(engine.client.trigger_arguments(db)) == 0
    assert stack.up().changes() == ""


def test_a_function_reports_an_invalid_value_too(unreachable_stack: Stack) -> None:
    unreachable_stack.run("config", "set", "influxdb3:timeout", "soon", expect=0)
    unreachable_stack.program('invoke_request("http://127.0.0.1:9/api/v3/engine/x")')
    ran = unreachable_stack.preview(expect=None)
    assert ran.status != 0
    assert any("influxdb3:timeout: a number of seconds" in line for line in diagnostics(ran))
