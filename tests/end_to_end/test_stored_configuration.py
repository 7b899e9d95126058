"""Refresh and destroy use the URL and the token of the last ``pulumi up``, unless ``--run-program`` is given."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import httpx
from servers import start_server
from stack import Stack

from influxdb3_engine_api import paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stack import Ran

    from pulumi_cli import PulumiCli

REMEDY = "may be from the last 'pulumi up': run 'pulumi up' first, or add --run-program to this command"


def test_after_a_change_of_token_errors_of_refresh_and_destroy_say_which_configuration_they_use(
    tmp_path: Path, cli: PulumiCli
) -> None:
    with start_server(tmp_path / "engine", without_auth=False) as engine:
        token = httpx.post(engine.url + paths.TOKEN_ADMIN).json()["token"]
        stack = Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": engine.url})

        def use(token: str) -> None:
            stack.run("config", "set", "--secret", "influxdb3:authToken", token, expect=0)

        def refused(operation: Callable[[], Ran], what: str) -> None:
            ran = operation()
            shown = " ".join(ran.output.split())
            assert ran.status != 0
            assert f"This {what} {REMEDY}" in shown
            assert "influxdb3:authToken" not in shown
            assert "Traceback" not in ran.output

        use(token)
        stack.program(
            """
            db = Database("d")
            plugin = PluginFile("p.py", content="def process_writes(i, t, a): pass")
            Trigger("t", db=db.db, plugin_filename=plugin.plugin_filename, trigger_specification=ALL_TABLES)
            """
        )
        stack.up()
        regenerate = engine.url + paths.TOKEN_ADMIN_REGENERATE
        token = httpx.post(regenerate, headers={"authorization": f"Bearer {token}"}).json()["token"]
        use(token)
        refused(lambda: stack.refresh(expect=None), "token")
        refused(lambda: stack.destroy(expect=None), "token")
        assert stack.refresh("--run-program").changes() == ""
        stack.run("destroy", "--yes", "--skip-preview", "--run-program", expect=0)
    assert "t" not in stack.resources()


def test_refresh_and_destroy_use_the_url_of_the_last_up(tmp_path: Path, cli: PulumiCli) -> None:
    with start_server(tmp_path / "engine") as engine:
        stack = Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": engine.url})
        engine.client.create_database("d")
        engine.client.create_plugin_file("p.py", "def process_writes(i, t, a): pass")
        stack.program('Trigger("t", db="d", plugin_filename="p.py", trigger_specification=ALL_TABLES)')
        stack.up()
    for ran in (stack.refresh(expect=None), stack.destroy(expect=None)):
        assert ran.status != 0
        assert f"This URL {REMEDY}" in " ".join(ran.output.split())
        assert "Traceback" not in ran.output
