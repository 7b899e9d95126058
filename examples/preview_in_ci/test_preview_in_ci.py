"""Follows the example's README, and runs the steps of its workflow as GitHub does."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from breaking_proxy import BreakingProxy
from servers import free_port

from influxdb3_embedded.testing import start_engine
from influxdb3_engine_api import EngineClient, paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from example_shell import ExampleShell

READS = ("GET ", f"POST {paths.QUERY_SQL}")


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[BreakingProxy]:
    """The server of staging, with a proxy that counts requests."""
    with start_engine(tmp_path / "staging") as engine:
        proxy = BreakingProxy(engine.url, 1)
        yield proxy
        proxy.close()


class Workflow:
    """The steps of the job, by their names; texts of the machine that GitHub lends are replaced."""

    def __init__(self, file: Path, example: ExampleShell, replace: dict[str, str]) -> None:
        text = file.read_text()
        for before, after in replace.items():
            assert before in text
            text = text.replace(before, after)
        self._example = example
        self.steps = {
            step.get("name", step.get("uses")): step for step in yaml.safe_load(text)["jobs"]["preview"]["steps"]
        }

    def run(self, name: str) -> str:
        """Run a step in a shell of its own."""
        step = self.steps.pop(name)
        variables = " ".join(f"{key}={shlex.quote(value)}" for key, value in step.get("env", {}).items())
        command = step["run"] if "run" in step else pulumi_action(step["with"])
        return self._example.run(f"{variables} bash -e -c {shlex.quote(command)}")


def pulumi_action(settings: dict[str, Any]) -> str:
    """The command that `pulumi/actions` runs."""
    diff = " --diff" if settings["diff"] else ""
    return f"pulumi {settings['command']} --stack {settings['stack-name']}{diff} --non-interactive"


def deployed(server: BreakingProxy) -> object:
    """What a server has: databases, triggers with their arguments, files."""
    with EngineClient(server.url) as client:
        return client.databases(), client.triggers("pumps"), client.trigger_arguments("pumps"), client.plugin_files()


def test_a_pull_request_is_tested_deployed_and_previewed_on_staging(
    example: ExampleShell, staging: BreakingProxy, tmp_path: Path
) -> None:
    configuration = example.directory / "Pulumi.staging.yaml"
    configuration.write_text(configuration.read_text().replace("http://influxdb-staging.example:8181", staging.url))
    example.servers = [staging]
    example.readme()
    example.readme("deploy")
    example.readme()

    job = tmp_path / "job"
    job.mkdir()
    port = free_port()
    workflow = Workflow(
        example.directory / ".github/workflows/preview.yml",
        example,
        {
            "${{ runner.temp }}": str(job),
            "serve ": f"serve --http-bind 127.0.0.1:{port} ",
            "127.0.0.1:8181": f"127.0.0.1:{port}",
            "${{ secrets.STAGING_TOKEN }}": "",
            "${{ secrets.PULUMI_ACCESS_TOKEN }}": "",
        },
    )
    workflow.run("Install")
    assert "1 passed" in workflow.run("Test the plugins")
    assert "+ 5 created" in workflow.run("Preview and deploy on an engine of this job")

    before = deployed(staging)
    staging.requests.clear()
    shown = workflow.run("Preview on staging")
    requests = [*staging.requests]
    assert '~ least: "5" => "4"' in shown
    # whether flags forbid triggers shows only in the answer to a request that creates one; this one is never valid
    assert [each for each in requests if not each.startswith(READS)] == [f"POST {paths.TRIGGER}"]
    assert deployed(staging) == before
    example.count("preview of a pull request", requests)
    assert all("run" not in step for step in workflow.steps.values())

    assert "1 failed" in example.readme()
