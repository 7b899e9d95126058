"""The wheel as users install it, with and without the extra ``embedded``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from installed import install
from servers import start_server
from stack import Stack

if TYPE_CHECKING:
    from pathlib import Path

    from installed import Installation

    from pulumi_cli import PulumiCli

PROGRAM = """
import pulumi_influxdb3_engine
pulumi.export("package", pulumi_influxdb3_engine.__file__)
database = Database("d", db="{db}")
plugin = PluginFile("p.py", content="def process_scheduled_call(influxdb3_local, call_time, args=None): pass")
Trigger("t", plugin_filename=plugin.plugin_filename, db=database.db, trigger_specification=every("1h"))
"""
EXTRA = ("datafusion", "pyarrow", "starlette", "uvicorn")


def test_a_deployment_needs_the_wheel_only(stack: Stack, installation: Installation) -> None:
    stack.program(PROGRAM.format(db="sensors"))
    assert stack.up().changes() == "+ 4 created"

    assert stack.outputs()["package"].startswith(str(installation.directory))
    listed = installation.run("python", "-m", "pip", "list").stdout.split()
    assert [name for name in EXTRA if name in listed] == []
    assert stack.preview().changes() == ""


def test_the_command_says_what_to_install_if_the_extra_is_missing(installation: Installation) -> None:
    for command in (["influxdb3-embedded", "serve"], ["python", "-m", "influxdb3_embedded", "serve"]):
        ran = installation.run(*command)

        assert ran.returncode == 1
        assert "pip install 'pulumi-influxdb3-engine[embedded]'" in ran.stderr
        assert "Traceback" not in ran.stderr


def test_an_engine_of_the_wheel_serves_deployments(cli: PulumiCli, environments: Path, tmp_path: Path) -> None:
    installation = install(environments, extra="[embedded]")
    command = installation.directory / "bin" / "influxdb3-embedded"
    with start_server(tmp_path, program=command, disable_telemetry_upload=False) as engine:
        stack = Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": engine.url})
        stack.program(PROGRAM.format(db="sensors"))

        assert stack.up().changes() == "+ 4 created"
        assert [row.trigger_name for row in engine.client.triggers("sensors")] == ["t"]
