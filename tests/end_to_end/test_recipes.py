"""The recipes of ``docs/recipes.md``, on a server with tokens behind TLS."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from servers import start_server
from stack import Stack
from tls_front import certificate, tls_front

from influxdb3_engine_api import CreateTrigger, EngineClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pulumi_cli import PulumiCli

RECIPES = (Path(__file__).parents[2] / "docs/recipes.md").read_text("utf-8")
ANSWER = """
def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    return args["text"] + ' by {0}'
"""
PROGRAM = """
    db = Database("d")
    plugin = PluginFile("answer.py", source="answer.py")
    Trigger("t", db=db.db, plugin_filename=plugin.plugin_filename, trigger_specification=request("answer"),
            trigger_arguments={{"text": {text!r}}})
"""


@dataclass
class Secured:
    """A server with tokens behind TLS."""

    url: str
    pem: Path
    engine_url: str
    token: str

    def client(self, token: str | None = None) -> EngineClient:
        return EngineClient(self.url, token or self.token, tls_ca=str(self.pem))

    def token_command(self, *arguments: str, token: str | None = None) -> str:
        """What ``influxdb3-embedded token`` prints."""
        command = ["influxdb3-embedded", "token", "--host", self.engine_url, *arguments]
        environment = os.environ | ({"INFLUXDB3_AUTH_TOKEN": token} if token else {})
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    pem = certificate(tmp_path)
    with start_server(tmp_path / "engine", without_auth=False) as engine, tls_front(engine.url, pem) as url:
        server = Secured(url, pem, engine.url, "")
        server.token = server.token_command()
        yield server


@pytest.fixture
def stack(tmp_path: Path, cli: PulumiCli, secured: Secured) -> Stack:
    """A stack on the secured server."""
    config = {"influxdb3:hostUrl": secured.url, "influxdb3:tlsCa": str(secured.pem)}
    stack = Stack(tmp_path / "stack", cli, os.environ, config=config)
    use(stack, secured.token)
    return stack


def use(stack: Stack, token: str) -> None:
    stack.run("config", "set", "--secret", "influxdb3:authToken", token, expect=0)


def write(stack: Stack, text: str, author: str) -> None:
    (stack.directory / "answer.py").write_text(ANSWER.format(author))
    stack.program(PROGRAM.format(text=text))


def answer(client: EngineClient) -> str:
    return client.call_request_trigger("answer").text


def test_a_stack_on_a_server_with_tls_and_tokens(stack: Stack, secured: Secured) -> None:
    write(stack, "hello", "me")

    stack.up()

    with secured.client() as client:
        assert answer(client) == "hello by me"
    assert stack.refresh().changes() == ""
    assert secured.token not in stack.run("stack", "export", expect=0).output
    stack.run("config", "rm", "influxdb3:tlsCa", expect=0)
    untrusted = stack.refresh("--run-program", expect=None)
    assert untrusted.status != 0
    assert "CERTIFICATE_VERIFY_FAILED" in untrusted.output


def test_a_token_is_rotated_without_a_failure(stack: Stack, secured: Secured) -> None:
    old = secured.token_command("--name", "pulumi-1", token=secured.token)
    use(stack, old)
    write(stack, "hello", "me")
    stack.up()

    new = secured.token_command("--name", "pulumi-2", token=secured.token)
    use(stack, new)
    assert stack.up().changes() == ""
    secured.token_command("--delete", "pulumi-1", token=secured.token)

    assert stack.refresh().changes() == ""
    stack.destroy()
    with secured.client() as client:
        assert client.triggers("d") == []


def test_a_server_with_tls_and_tokens_is_adopted(
    stack: Stack, secured: Secured, cli: PulumiCli, tmp_path: Path
) -> None:
    with secured.client() as client:
        client.create_database("d")
        client.create_plugin_file("answer.py", ANSWER.format("hand"))
        definition = {
            "db": "d",
            "trigger_name": "t",
            "plugin_filename": "answer.py",
            "trigger_specification": "request:answer",
            "trigger_settings": {"run_async": False, "error_behavior": "log"},
            "trigger_arguments": {"text": "made"},
            "disabled": False,
        }
        client.create_trigger(CreateTrigger.model_validate(definition))
    (tmp_path / "token.txt").write_text(secured.token)
    environment = cli.environment(os.environ) | {
        "PULUMI_BACKEND_URL": (stack.directory / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_HOME": str(stack.directory / "home"),
    }
    command = ["pulumi-influxdb3", "export", "--host", secured.url, "--token-file", "token.txt", "--out", "pipeline"]
    exported = subprocess.run(
        [*command, "--tls-ca", str(secured.pem)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert exported.returncode == 0, exported.stderr
    assert secured.token not in exported.stdout + exported.stderr

    for operation in (("up", "--yes", "--skip-preview"), ("preview", "--expect-no-changes")):
        ran = subprocess.run(
            ["pulumi", *operation, "--stack", "dev", "--non-interactive"],
            cwd=tmp_path / "pipeline",
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
    with secured.client() as client:
        assert answer(client) == "made by hand"


def test_git_revert_and_up_roll_back_code_and_definition(stack: Stack, secured: Secured) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=stack.directory, check=True, capture_output=True, timeout=60)

    git("init", "--quiet")
    with secured.client() as client:
        for text, author in (("good", "one"), ("bad", "two")):
            write(stack, text, author)
            git("add", "__main__.py", "answer.py")
            git("commit", "--quiet", "--message", text)
            stack.up()
            assert answer(client) == f"{text} by {author}"

        git("revert", "--no-edit", "HEAD")
        preview = stack.preview("--diff")
        assert "by two" in preview.output
        assert stack.up().changes() == "~ 2 updated"

        assert answer(client) == "good by one"


def test_a_second_deployment_of_a_stack_is_refused_and_cancel_clears_a_killed_one(stack: Stack) -> None:
    stack.program("import time\nprint('started', flush=True)\ntime.sleep(100)")
    environment = stack.cli.environment(stack.environment) | {
        "PULUMI_BACKEND_URL": (stack.directory / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_HOME": str(stack.directory / "home"),
    }
    first = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--stack", "dev", "--non-interactive"],
        cwd=stack.directory,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        locks = stack.directory / "state/.pulumi/locks"
        deadline = time.monotonic() + 60
        while not list(locks.rglob("*.json")) and time.monotonic() < deadline:
            time.sleep(0.1)

        second = stack.up(expect=None)
        assert second.status != 0
        assert "the stack is currently locked" in second.output
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait(60)

    stack.program('Database("d")')
    assert "the stack is currently locked" in stack.up(expect=None).output
    stack.run("cancel", "--yes", "dev", expect=0)
    assert "+ 2 created" in stack.up().changes()


def test_the_plugin_of_the_recipe_runs_at_six_in_local_time_in_summer_and_winter(
    stack: Stack, secured: Secured
) -> None:
    plugin = re.search(r"^## A schedule in local time$.*?```python\n(.*?)```", RECIPES, re.MULTILINE | re.DOTALL)
    assert plugin is not None
    (stack.directory / "morning.py").write_text(plugin[1])
    cases = [("4 15 7", "2027-07-15"), ("5 15 7", None), ("5 15 1", "2027-01-15"), ("4 15 1", None)]
    tests = [
        f"""ScheduleTest(schedule="0 0 {hour_and_day} * 2027", arguments=arguments, database=db.db,
                         expect_writes={[] if day is None else [f'report day="{day}"']})"""
        for hour_and_day, day in cases
    ]
    stack.program(
        f"""
        db = Database("d")
        arguments = {{"zone": "Europe/Berlin", "hour": 6}}
        plugin = PluginFile("morning.py", source="morning.py", test=[{", ".join(tests)}])
        Trigger("morning", db=db.db, plugin_filename=plugin.plugin_filename,
                trigger_specification=cron("0 0 4,5 * * *"), trigger_arguments=arguments)
        """
    )

    assert "+ 4 created" in stack.up().changes()
