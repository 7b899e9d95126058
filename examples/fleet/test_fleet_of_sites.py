"""Rolls a change out to three engines, as the example's README describes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from influxdb3_embedded.testing import start_engine
from pulumi_cli import find_or_install

EXAMPLE = Path(__file__).parent
SITES = ("berlin", "madrid", "oslo")


class Project:
    """A copy of the example with one engine for each site."""

    def __init__(self, directory, cli, engines):
        self.directory, self.engines = directory, engines
        self._environment = cli.environment(os.environ) | {
            "PULUMI_BACKEND_URL": directory.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_HOME": str(directory / "home"),
        }
        self.run("stack", "init", "sites")
        for site, engine in engines.items():
            self.run("config", "set", "--path", f"influxdb3:engines.{site}.hostUrl", engine.url)

    def run(self, *arguments, expect=0):
        """Run the CLI and return its output; ``expect=0`` requires success, any other value a failure."""
        command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == (expect == 0), done.stdout
        return done.stdout

    def up(self, *arguments, expect=0):
        """Deploy."""
        return self.run("up", "--yes", "--skip-preview", *arguments, expect=expect)

    def limits(self, *sites):
        """The limit that the trigger of each site has."""
        clients = [self.engines[site].client for site in sites]
        return [client.trigger_arguments("machines")["alarms"]["limit"] for client in clients]


@pytest.fixture
def engines(tmp_path):
    directories = {site: tmp_path / site for site in SITES}
    with (
        start_engine(directories["berlin"]) as berlin,
        start_engine(directories["madrid"]) as madrid,
        start_engine(directories["oslo"]) as oslo,
    ):
        yield dict(zip(SITES, (berlin, madrid, oslo), strict=True))


@pytest.fixture
def project(tmp_path, engines):
    directory = shutil.copytree(EXAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    return Project(directory, find_or_install(report=print), engines)


def test_a_change_reaches_one_site_then_all_but_the_one_that_is_down(project):
    project.up()
    assert project.limits(*SITES) == ["80", "80", "80"]
    project.engines["madrid"].client.write_lp("machines", "temperature,machine=press celsius=85")
    assert alarms(project.engines["madrid"].client) == [{"machine": "press", "celsius": 85.0}]

    project.run("config", "set", "limit", "90")
    project.up("--target", "**::berlin*")
    assert project.limits(*SITES) == ["90", "80", "80"]

    project.engines["oslo"].stop()
    refused = project.up("--continue-on-error", expect=1)
    assert "is influxdb3:engines.oslo.hostUrl right?" in refused
    assert project.limits("berlin", "madrid") == ["90", "90"]

    project.run("destroy", "--yes", "--skip-preview", "--target", "**::madrid*")
    assert project.engines["madrid"].client.triggers("machines") == []
    project.run("config", "rm", "--path", "influxdb3:engines.madrid")
    project.run("config", "rm", "--path", "influxdb3:engines.oslo")
    assert project.limits("berlin") == ["90"]


def alarms(client):
    """The alarms, once there is one."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        tables = client.query_sql("machines", "SELECT table_name FROM information_schema.tables")
        if {"table_name": "alarms"} in tables:
            return client.query_sql("machines", "SELECT machine, celsius FROM alarms")
        time.sleep(0.1)
    return []
