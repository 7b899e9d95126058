"""The command ``pulumi-influxdb3 export`` on running engines, without the Pulumi CLI."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from influxdb3_embedded.testing import RunningEngine, start_engine
from influxdb3_engine_api import CreateTrigger, EngineClient

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    pass\n"
TOKEN = "apiv3_0123456789abcdef"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with start_engine(tmp_path_factory.mktemp("engine"), object_store="memory") as running:
        running.client.create_database("metrics", retention_period="30d")
        running.client.create_plugin_file("p.py", CODE)
        create(running.client, "t", "p.py", trigger_arguments={"password": "geheim"})
        yield running


def create(client: EngineClient, name: str, plugin: str, **more: object) -> None:
    body = {
        "db": "metrics",
        "trigger_name": name,
        "plugin_filename": plugin,
        "trigger_specification": "every:1h",
        "trigger_settings": {"run_async": False, "error_behavior": "log"},
        "disabled": False,
    }
    client.create_trigger(CreateTrigger.model_validate(body | more))


def export(url: str, out: Path, *options: str, path: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).parent / "pulumi-influxdb3"),
        "export",
        "--host",
        url,
        "--out",
        str(out),
        *options,
    ]
    variables = {key: value for key, value in os.environ.items() if not key.startswith("INFLUXDB3_")}
    variables |= {"PATH": path, **environment}
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)


def refusal(ran: subprocess.CompletedProcess[str]) -> str:
    """The error of a command: one line, after the progress."""
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    lines = ran.stderr.splitlines()
    assert all(not line.startswith("pulumi-influxdb3: ") for line in lines[:-1])
    return lines[-1]


def test_without_the_cli_the_summary_lists_commands_for_the_secrets(engine: RunningEngine, tmp_path: Path) -> None:
    ran = export(engine.url, tmp_path / "my project", "--stack", "prod")

    assert ran.returncode == 0, ran.stderr
    assert "Set 1 secret, since the Pulumi CLI is not on PATH:" in ran.stdout
    assert "  pulumi config set --secret t_password --stack prod\n" in ran.stdout
    assert "Retention periods, which a Database does not set on another server:\n  metrics: 30d\n" in ran.stdout
    assert "geheim" not in ran.stdout + ran.stderr
    assert (tmp_path / "my project" / "Pulumi.yaml").read_text().startswith("name: my-project\nruntime: python\n")
    configuration = (tmp_path / "my project" / "Pulumi.prod.yaml").read_text()
    assert configuration == f"config:\n  influxdb3:hostUrl: {engine.url}\n  influxdb3:adopt: true\n"
    assert (tmp_path / "my project" / "plugins" / "p.py").read_text() == CODE
    assert (tmp_path / "my project" / "requirements.txt").read_text().startswith("pulumi-influxdb3-engine>=")


def test_secrets_go_to_the_cli_through_standard_input(engine: RunningEngine, tmp_path: Path) -> None:
    cli = tmp_path / "bin" / "pulumi"
    cli.parent.mkdir()
    cli.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/arguments\n/bin/cat >> {tmp_path}/input\n')
    cli.chmod(0o700)
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    ran = export(engine.url, tmp_path / "out", "--token-file", str(token), path=str(cli.parent))

    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "input").read_text() == f"geheim\n{TOKEN}\n"
    arguments = (tmp_path / "arguments").read_text()
    assert "config set --secret t_password --stack dev" in arguments
    assert "config set --secret influxdb3:authToken --stack dev" in arguments
    written = "".join(each.read_text() for each in (tmp_path / "out").rglob("*") if each.is_file())
    for secret in ("geheim", TOKEN):
        assert secret not in written + arguments + ran.stdout + ran.stderr


def test_a_cli_that_fails_leads_to_the_list_of_commands(engine: RunningEngine, tmp_path: Path) -> None:
    cli = tmp_path / "pulumi"
    cli.write_text('#!/bin/sh\necho "error: no backend" >&2\nexit 255\n')
    cli.chmod(0o700)
    ran = export(engine.url, tmp_path / "out", path=str(tmp_path))

    assert ran.returncode == 0
    assert "Set 1 secret, since error: no backend:" in ran.stdout


def test_a_folder_that_holds_something_stays_as_it_is(engine: RunningEngine, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")

    assert "is not an empty folder: pass --out with a new folder" in refusal(export(engine.url, tmp_path))
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_errors_are_one_line_with_the_remedy(engine: RunningEngine, tmp_path: Path) -> None:
    assert "connect" in refusal(export("http://127.0.0.1:9", tmp_path / "out")).lower()
    assert "http://" in refusal(export("somewhere", tmp_path / "out"))
    other = refusal(export(engine.url, tmp_path / "out", "--database", "other"))
    assert "there is no database 'other'; there are: metrics" in other
    assert "is empty: write the API token" in refusal(export(engine.url, tmp_path / "o", "--token-file", "/dev/null"))
    assert "cannot be read" in refusal(export(engine.url, tmp_path / "out", "--token-file", str(tmp_path / "no")))
    assert "is not the name of a stack" in refusal(export(engine.url, tmp_path / "out", "--stack", "a b"))
    assert not (tmp_path / "out").exists()


def test_a_server_that_refuses_the_token_is_named(tmp_path: Path) -> None:
    with start_engine(tmp_path / "engine", object_store="memory", without_auth=False) as engine:
        text = refusal(export(engine.url, tmp_path / "out", INFLUXDB3_AUTH_TOKEN=TOKEN))

    assert "401" in text
    assert "--token-file" in text
    assert TOKEN not in text


def test_a_locked_server_is_exported_without_sources(tmp_path: Path) -> None:
    with start_engine(tmp_path / "engine") as engine:
        engine.client.create_database("metrics")
        engine.client.create_plugin_file("p.py", CODE)
        create(engine.client, "t", "p.py")
    with start_engine(tmp_path / "engine", plugin_dir_only=True) as engine:
        ran = export(engine.url, tmp_path / "out")

    assert ran.returncode == 0, ran.stderr
    assert "1 database, 1 trigger, 0 plugins, 0 packages" in ran.stdout
    assert "plugin installation is disabled" in ran.stdout
    assert "  p.py: its code was not read" in ran.stdout
    assert 'plugin_filename="p.py"' in (tmp_path / "out" / "__main__.py").read_text()


def test_a_server_with_200_triggers_is_exported_within_seconds(tmp_path: Path) -> None:
    with start_engine(tmp_path / "engine", object_store="memory") as engine:
        engine.client.create_database("metrics")
        for number in range(200):
            engine.client.create_plugin_file(f"p_{number}.py", CODE)
            create(engine.client, f"t_{number}", f"p_{number}.py", disabled=number > 10, trigger_arguments={"a": "1"})
        begin = time.monotonic()
        ran = export(engine.url, tmp_path / "out")
        seconds = time.monotonic() - begin

    assert "200 triggers, 200 plugins" in ran.stdout
    print(f"exported in {seconds:.1f} s")
    assert seconds < 30


def test_a_retention_period_is_named_in_the_summary_and_in_the_program(tmp_path: Path) -> None:
    with start_engine(tmp_path / "engine", object_store="memory") as engine:
        engine.client.create_database("metrics", "7d")
        engine.client.create_database("for_ever")
        engine.client.create_database("deleted", "1d")
        engine.client.delete_database("deleted")
        ran = export(engine.url, tmp_path / "out")

    assert "Retention periods, which a Database does not set on another server:\n  metrics: 7d\nNo server" in ran.stdout
    program = (tmp_path / "out" / "__main__.py").read_text()
    assert '# The server keeps rows of "metrics" for 7d. A Database does not set that.\nmetrics = Database' in program
    assert program.count("keeps rows") == 1
