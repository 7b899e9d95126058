"""No state file, output or error contains the token or a secret argument."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import httpx
import pytest
from servers import start_server
from stack import Stack

from influxdb3_engine_api import EngineClient, paths

if TYPE_CHECKING:
    from pathlib import Path

    from pulumi_cli import PulumiCli

SECRET = "k9-hunter2-argument"
CONTENT = "k9-hunter2-content"


def test_secrets_stay_secret_from_creation_to_destroy(tmp_path: Path, cli: PulumiCli) -> None:
    with start_server(tmp_path / "engine", without_auth=False) as engine:
        token = httpx.post(engine.url + paths.TOKEN_ADMIN).json()["token"]
        stack = Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": engine.url})
        stack.run("config", "set", "--secret", "influxdb3:authToken", token, expect=0)
        stack.run("config", "set", "--secret", "argument", SECRET, expect=0)
        outputs = []

        def program(threshold: int, plugin: str = "plugin.plugin_filename") -> None:
            stack.program(
                f"""
                secret = pulumi.Config().require_secret("argument")
                db = Database("d")
                code = secret.apply(lambda _: 'KEY = "{CONTENT}"\\ndef process_writes(i, t, a): pass\\n')
                plugin = PluginFile("p.py", content=code)
                Trigger("t", db=db.db, plugin_filename={plugin}, trigger_specification=ALL_TABLES,
                        trigger_arguments={{"password": secret, "threshold": {threshold}}})
                """
            )

        program(1)
        outputs.append(stack.preview("--diff", expect=0).output)
        outputs.append(stack.up().output)
        with EngineClient(engine.url, token) as client:
            assert client.trigger_arguments("d") == {"t": {"password": SECRET, "threshold": "1"}}
            program(2)
            outputs.append(stack.preview("--diff", expect=0).output)
            outputs.append(stack.up("--diff").output)
            outputs.append(stack.refresh("--diff").output)
            program(2, plugin="'missing.py'")
            outputs.append(stack.up("--diff", expect=None).output)
            client.delete_trigger("d", "t", force=True)
            outputs.append(stack.refresh("--diff").output)
        program(3, plugin="'../outside.py'")
        outputs.append(stack.preview("--diff", expect=None).output)
        outputs.append(stack.run("config", "set", "--secret", "influxdb3:authToken", "apiv3_wrong").output)
        program(3)
        refused = stack.up(expect=None)
        assert "answered 401" in refused.output
        outputs.append(refused.output)
        stack.run("config", "set", "--secret", "influxdb3:authToken", token, expect=0)
        stack.up()
        outputs.append(stack.run("stack", "export", expect=0).output)
        outputs.append(stack.destroy().output)

    for secret in (token, SECRET, CONTENT):
        for output in outputs:
            assert secret not in output
        holding = [
            path
            for path in stack.directory.rglob("*")
            if path.is_file() and path.name != "__main__.py" and secret.encode() in path.read_bytes()
        ]
        assert holding == []
    assert token not in engine.logs


def test_the_url_of_a_secret_request_path_is_secret(stack: Stack) -> None:
    stack.run("config", "set", "--secret", "path", "hook-k9-hunter2", expect=0)
    stack.program(
        """
        db = Database("hooks")
        plugin = PluginFile("hook.py", content="def process_request(i, q, h, b, a): return 'ok'")

        def hook(name, specification):
            trigger = Trigger(name, db=db.db, plugin_filename=plugin.plugin_filename,
                              trigger_specification=specification)
            pulumi.export(name, trigger.endpoint_url)

        hook("hidden", pulumi.Config().require_secret("path").apply(request))
        hook("shown", db.db.apply(lambda name: request(f"{name}/shown")))
        """
    )
    outputs = [stack.preview("--diff").output, stack.up("--diff").output]
    outputs += [stack.run("stack", "export", expect=0).output, stack.run("stack", "output", expect=0).output]
    unchanged = stack.preview("--diff")
    assert unchanged.changes() == "", unchanged.output
    outputs.append(unchanged.output)
    assert "/api/v3/engine/hooks/shown" in outputs[3]
    assert stack.resources()["shown"]["inputs"]["endpoint_url"].endswith("/api/v3/engine/hooks/shown")
    for output in outputs:
        assert "hook-k9-hunter2" not in output


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/hook-k9-hunter2", "starts with '/'"),
        ("hook-k9-hunter2?", "holds other characters than letters"),
        ("hook-k9-hunter2", "belongs to trigger 'hook"),
    ],
)
def test_an_error_does_not_contain_a_secret_request_path(unreachable_stack: Stack, path: str, problem: str) -> None:
    unreachable_stack.run("config", "set", "--secret", "path", path, expect=0)
    unreachable_stack.program(
        """
        path = pulumi.Config().require_secret("path")
        for number in range(2):
            Trigger(f"hook{number}", db="d", plugin_filename="hook.py",
                    trigger_specification=pulumi.Output.concat("request:", path))
        """
    )
    refused = unreachable_stack.preview(expect=None)
    assert refused.status != 0
    assert problem in refused.output, refused.output
    assert "hunter2" not in refused.output, refused.output
