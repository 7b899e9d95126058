"""A server that was configured by hand becomes a program: ``pulumi-influxdb3 export``."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from breaking_proxy import BreakingProxy
from servers import PROGRAM, start_server
from stack import ProjectStack

from influxdb3_engine_api import CreateTrigger, EngineClient, paths
from influxdb3_engine_resources.plugins.directory import files_sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine
    from pulumi_cli import PulumiCli

ALL_KINDS = """
def process_writes(influxdb3_local, table_batches, args=None):
    pass

def process_scheduled_call(influxdb3_local, call_time, args=None):
    pass

def process_request(influxdb3_local, query, headers, body, args=None):
    return "x"
"""
SECRET = "geheim 'und' \"lang\""
TOKEN = "apiv3_0123456789abcdef"


def create(client: EngineClient, db: str, name: str, plugin: str, specification: str, **more: object) -> None:
    body = {
        "db": db,
        "trigger_name": name,
        "plugin_filename": plugin,
        "trigger_specification": specification,
        "trigger_settings": {"run_async": False, "error_behavior": "log"},
        "disabled": False,
    }
    client.create_trigger(CreateTrigger.model_validate(body | more))


def configure(client: EngineClient) -> None:
    """Create databases, plugins, packages and triggers of all kinds, as a person does by hand."""
    for db in ("metrics", "logs"):
        client.create_database(db)
    client.create_plugin_file("all.py", ALL_KINDS)
    client.create_plugin_file("sub/windows.py", ALL_KINDS.replace("\n", "\r\n"))
    package = {"__init__.py": f"from . import other\n{ALL_KINDS}", "other.py": "x = 1\n", "data/a.txt": "å\r\n"}
    addressed = f"ours_{files_sha256(package)[:12]}"
    for path, text in package.items():
        client.create_plugin_file(f"by_hand/{path}", text)
        client.create_plugin_file(f"{addressed}/{path}", text)
    client.create_plugin_file("no_entry.py", "x = 1\n")
    client.install_packages(["iniconfig==2.0.0"])
    arguments = {"token": SECRET, "url": "https://user:word@host/x", "threshold": "80", "text": "\"a\" and 'b'\n"}
    create(client, "metrics", "alert", "all.py", "table:cpu", trigger_arguments=arguments)
    create(client, "logs", "alert", "all.py", "every:90s", trigger_arguments={"token": SECRET})
    create(client, "logs", "morning", "all.py", "cron:0 0 6 * * MON-FRI", disabled=True)
    retried = {"run_async": False, "error_behavior": "retry"}
    create(client, "logs", "Über uns", "sub/windows.py", "all_tables", trigger_settings=retried)
    create(client, "logs", "package", "by_hand/", "request:package")
    create(client, "metrics", "package_too", "by_hand", "every:1h")
    create(client, "metrics", "addressed", addressed, "request:a/b")
    create(client, "metrics", "left", "no_entry.py", "every:1d", disabled=True)


def export(
    cli: PulumiCli, engine_url: str, out: Path, *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    home = {
        "PULUMI_BACKEND_URL": (out.parent / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_HOME": str(out.parent / "home"),
    }
    (out.parent / "state").mkdir(parents=True, exist_ok=True)
    command = ["pulumi-influxdb3", "export", "--host", engine_url, "--out", str(out), *options]
    return subprocess.run(
        command,
        env=cli.environment(os.environ | home) | environment,
        cwd=out.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def requests_for_changes(proxy: BreakingProxy) -> list[str]:
    """Requests that change the server. The upload of the probe does not count."""
    read = (paths.QUERY_SQL, paths.PLUGIN_TEST_SCHEDULE, paths.PLUGIN_TEST_WAL, paths.PLUGIN_FILES)
    sent = [each for each in proxy.requests if not each.startswith("GET ")]
    changes = [each for each in sent if urlsplit(each.partition(" ")[2]).path not in read]
    return changes + [name for name in proxy.written_files if not name.startswith(".pulumi/")]


@pytest.fixture
def proxy(engine: RunningEngine) -> Iterator[BreakingProxy]:
    proxy = BreakingProxy(engine.url, 1)
    yield proxy
    proxy.close()


def test_an_exported_program_changes_nothing_and_makes_the_same_server_again(
    cli: PulumiCli, engine: RunningEngine, proxy: BreakingProxy, tmp_path: Path
) -> None:
    configure(engine.client)
    out = tmp_path / "first" / "project"
    out.parent.mkdir()
    ran = export(cli, proxy.url, out)
    assert ran.returncode == 0, ran.stderr
    assert requests_for_changes(proxy) == []
    assert "2 databases, 8 triggers, 4 plugins, 1 package" in ran.stdout
    assert "no_entry.py cannot run on 'every:1d': the plugin does not define" in ran.stdout
    everything = ran.stdout + ran.stderr + "".join(each.read_text() for each in out.rglob("*") if each.is_file())
    assert "geheim" not in everything
    assert "user:word" not in everything

    (out / "state").symlink_to(out.parent / "state")
    stack = ProjectStack(out, cli, os.environ)
    proxy.requests.clear()
    proxy.written_files.clear()

    assert "+ 16 created" in stack.up().changes()
    assert requests_for_changes(proxy) == []
    assert stack.preview().changes() == ""

    stack.destroy()
    assert engine.client.triggers("metrics") == engine.client.triggers("logs") == []
    with start_server(tmp_path / "empty") as empty:
        empty.client.create_plugin_file("no_entry.py", "x = 1\n")
        stack.run("config", "set", "influxdb3:hostUrl", empty.url, expect=0)
        stack.up()
        again = tmp_path / "again" / "project"
        again.parent.mkdir()
        assert export(cli, empty.url, again).returncode == 0
    assert (again / "__main__.py").read_text() == (out / "__main__.py").read_text()
    plugins = {each.relative_to(out): each.read_bytes() for each in (out / "plugins").rglob("*") if each.is_file()}
    assert {each: (again / each).read_bytes() for each in plugins} == plugins
    assert json.loads(stack.run("config", "--json", "--show-secrets").output)["project:token"]["value"] == SECRET


def test_cron_expressions_in_any_form_are_taken_over_without_a_change(
    cli: PulumiCli, engine: RunningEngine, proxy: BreakingProxy, tmp_path: Path
) -> None:
    engine.client.create_database("metrics")
    engine.client.create_plugin_file("all.py", ALL_KINDS)
    stored = {"weekdays": "0 0 06 * * 1-5", "steps": "0 5/15 6-18/2 ? JAN,2 mon", "short": "******"}
    for name, expression in stored.items():
        create(engine.client, "metrics", name, "all.py", f"cron:{expression}")
    out = tmp_path / "first" / "project"
    out.parent.mkdir()
    ran = export(cli, proxy.url, out)
    assert "1 database, 3 triggers" in ran.stdout
    days = (
        "MON-FRI" if PROGRAM is None else "SUN-THU"
    )  # the embedded engine counts from Sunday = 0, a real server from 1
    assert f"'cron:0 0 06 * * 1-5' is 'cron:0 0 6 * * {days}'" in ran.stdout

    stack = ProjectStack(out, cli, os.environ)
    stack.up()
    assert requests_for_changes(proxy) == []
    assert stack.preview().changes() == stack.refresh().changes() == stack.up().changes() == ""
    rows = {row.trigger_name: json.loads(row.trigger_specification) for row in engine.client.triggers("metrics")}
    assert rows == {name: {"schedule": {"schedule": expression}} for name, expression in stored.items()}
    stack.destroy()
