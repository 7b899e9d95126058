"""A stack changes and deletes nothing on a server that it was not deployed to."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from breaking_proxy import BreakingProxy
from servers import CLOSED_PORT, start_server
from stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stack import Ran

    from influxdb3_embedded.testing import RunningEngine
    from pulumi_cli import PulumiCli

SOURCE = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"
PROGRAM = f"""
    metrics = Database("metrics")
    Database("scratch", retain=False)
    plugin = PluginFile("w.py", content={SOURCE!r}, delete_on_destroy=True)
    PluginDirectory("d", files={{"__init__.py": {SOURCE!r}}}, delete_on_destroy=True)
    PackageSet("packages", packages=["pip>=20"], delete_on_destroy=True)
    Trigger("t", db=metrics.db, plugin_filename=plugin.plugin_filename, trigger_specification=ALL_TABLES)
"""
COUNT = 6


def deployed(engine: RunningEngine) -> tuple[set[str], list[str], list[str]]:
    """Databases, triggers and plugin files of the program on a server."""
    client = engine.client
    databases = set(client.databases()) - {"_internal"}
    triggers = [row.trigger_name for db in sorted(databases) for row in client.triggers(db)]
    files = sorted(path.name.partition("_")[0] for path in engine.plugin_dir.glob("[dw]*"))
    return databases, triggers, files


EVERYTHING = ({"metrics", "scratch"}, ["t"], ["d", "w.py"])


@pytest.fixture
def other(tmp_path: Path) -> Iterator[RunningEngine]:
    """Another server."""
    with start_server(tmp_path / "other") as running:
        yield running


def count_in_diagnostics(ran: Ran, text: str) -> int:
    """How often the CLI's diagnostics contain a text."""
    return ran.output.partition("Diagnostics:")[2].count(text)


def point_to(stack: Stack, url: str) -> None:
    stack.run("config", "set", "influxdb3:hostUrl", url, expect=0)


def test_a_stack_with_the_url_of_another_server_is_created_there(
    stack: Stack, engine: RunningEngine, other: RunningEngine
) -> None:
    stack.program(PROGRAM)
    stack.up()
    point_to(stack, other.url)

    preview = stack.preview("--diff")
    assert preview.changes() == f"~ {COUNT} to update"
    assert preview.output.count(f'"{engine.url}" => "{other.url}"') == COUNT

    ran = stack.up()

    assert ran.changes() == f"~ {COUNT} updated"
    assert count_in_diagnostics(ran, "those on the other server stay") == 1
    assert deployed(other) == deployed(engine) == EVERYTHING
    assert stack.up().changes() == ""
    assert stack.refresh().changes() == ""
    stack.destroy()
    assert deployed(engine) == EVERYTHING
    assert deployed(other)[1:] == ([], [])
    assert "scratch" not in deployed(other)[0]


def test_what_exists_on_the_other_server_is_an_error_unless_it_is_adopted(
    stack: Stack, engine: RunningEngine, other: RunningEngine
) -> None:
    stack.program(PROGRAM)
    stack.up()
    other.client.create_database("metrics")
    other.client.create_plugin_file("w.py", "theirs = True\n")
    point_to(stack, other.url)

    refused = stack.up(expect=None)

    assert refused.status != 0
    assert "exists already" in refused.output
    assert (other.plugin_dir / "w.py").read_text() == "theirs = True\n"
    stack.run("config", "set", "influxdb3:adopt", "true", expect=0)
    stack.up()
    assert (other.plugin_dir / "w.py").read_text() == SOURCE


def test_a_server_with_a_new_url_gets_no_request_that_changes_anything(stack: Stack, engine: RunningEngine) -> None:
    stack.program(PROGRAM)
    stack.up()
    proxy = BreakingProxy(engine.url, silence=0)
    point_to(stack, proxy.url)
    assert stack.preview().changes() == f"~ {COUNT} to update"
    assert stack.up().changes() == f"~ {COUNT} updated"
    assert proxy.requests == ["GET /ping"]
    assert stack.up().changes() == ""
    proxy.close()


def test_a_url_without_a_server_is_an_error(stack: Stack, engine: RunningEngine) -> None:
    stack.program(PROGRAM)
    stack.up()
    point_to(stack, CLOSED_PORT)
    assert stack.preview().changes() == f"~ {COUNT} to update"
    refused = stack.up(expect=None)
    assert refused.status != 0
    assert "Is the server running" in refused.output


def test_destroy_with_the_url_of_another_server_deletes_nothing_there(
    stack: Stack, engine: RunningEngine, other: RunningEngine
) -> None:
    stack.program(PROGRAM)
    stack.up()
    theirs = Stack(stack.directory.parent / "theirs", stack.cli, os.environ, config={"influxdb3:hostUrl": other.url})
    theirs.program(PROGRAM)
    theirs.up()
    point_to(stack, other.url)

    ran = stack.run("destroy", "--yes", "--skip-preview", "--run-program", expect=0)

    assert count_in_diagnostics(ran, "nothing is deleted here") == 1
    assert deployed(other) == deployed(engine) == EVERYTHING


def test_a_new_server_under_the_same_url_is_not_mistaken_for_the_old_one(tmp_path: Path, cli: PulumiCli) -> None:
    directory = tmp_path / "engine"
    with start_server(directory) as engine:
        port = engine.url.rpartition(":")[2]
        stack = Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": engine.url})
        stack.program(PROGRAM)
        stack.up()
    shutil.rmtree(directory)
    with start_server(directory, http_bind=f"127.0.0.1:{port}") as engine:
        theirs = Stack(tmp_path / "theirs", cli, os.environ, config={"influxdb3:hostUrl": engine.url})
        theirs.program(PROGRAM)
        theirs.up()
        stack.program(PROGRAM.replace("ALL_TABLES", 'table("cpu")'))

        refused = stack.up(expect=None)
        assert refused.status != 0
        assert "nothing was changed: another server answers at" in refused.output
        assert "pulumi up --refresh" in refused.output
        kept = stack.run("stack", "export", expect=0).output
        (stack.directory / "kept.json").write_text(kept)
        assert "nothing is deleted here" in stack.destroy().output
        assert deployed(engine) == EVERYTHING

        stack.run("stack", "import", "--file", "kept.json", expect=0)
        refreshed = stack.refresh()
        assert refreshed.changes() == f"- {COUNT} deleted"
        assert count_in_diagnostics(refreshed, "another server answers here now") == 1
        assert deployed(engine) == EVERYTHING


def test_a_state_file_without_a_server_gets_one_and_nothing_is_sent(stack: Stack, engine: RunningEngine) -> None:
    stack.program(PROGRAM)
    stack.up()
    exported = json.loads(stack.run("stack", "export", expect=0).output)
    for resource in exported["deployment"]["resources"]:
        for bag in (resource.get("inputs", {}), resource.get("outputs", {})):
            bag.pop("host_url", None)
            bag.pop("cluster_uuid", None)
    (stack.directory / "exported.json").write_text(json.dumps(exported))
    stack.run("stack", "import", "--file", "exported.json", expect=0)
    assert stack.up().changes() == f"~ {COUNT} updated"
    assert {each["outputs"]["host_url"] for each in stack.resources().values()} == {engine.url}
    assert all(each["outputs"]["cluster_uuid"] for each in stack.resources().values())
    assert stack.up().changes() == ""
