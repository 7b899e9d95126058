"""Promotes changes through three engines, as the example's README describes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from influxdb3_embedded.testing import start_engine
from pulumi_cli import find_or_install

EXAMPLE = Path(__file__).parent
STAGES = ("dev", "staging", "prod")
READING = "temperature,room=hall celsius=20"
STRAY = f"{READING}\ntemperature celsius=21"


class Project:
    """A copy of the example with one engine for each stage."""

    def __init__(self, directory, cli, engines):
        self.directory, self.engines = directory, engines
        self._environment = cli.environment(os.environ) | {
            "PULUMI_BACKEND_URL": directory.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_HOME": str(directory / "home"),
        }
        for stage, engine in engines.items():
            self.run("stack", "init", stage)
            self.run("config", "set", "influxdb3:hostUrl", engine.url, "--stack", stage)
            self.run("config", "set", "every", "1s", "--stack", stage)
            self.run("config", "set", "watch", "20", "--stack", stage)

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

    def up(self, stage, expect=0):
        """Deploy a stage."""
        return self.run("up", "--yes", "--skip-preview", "--stack", stage, expect=expect)

    def code(self, stage):
        """The hash of the code that was last deployed to a stage."""
        return self.run("stack", "output", "code", "--stack", stage).strip()

    def edit(self, before, after):
        """Change the plugin."""
        file = self.directory / "plugins/rollup/means.py"
        assert before in file.read_text()
        file.write_text(file.read_text().replace(before, after))

    def running(self, stage):
        """The plugin directories that a stage's triggers run."""
        return [row.plugin_filename for row in self.engines[stage].client.triggers("readings")]


@pytest.fixture
def engines(tmp_path):
    directories = {stage: tmp_path / stage for stage in STAGES}
    with (
        start_engine(directories["dev"]) as dev,
        start_engine(directories["staging"]) as staging,
        start_engine(directories["prod"]) as prod,
    ):
        yield dict(zip(STAGES, (dev, staging, prod), strict=True))


@pytest.fixture
def project(tmp_path, engines):
    directory = shutil.copytree(EXAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    return Project(directory, find_or_install(report=print), engines)


def test_a_change_stops_at_the_first_stage_that_it_fails_on(project):
    for stage in STAGES:
        project.up(stage)
    first = project.code("dev")
    for stage, line in {"dev": READING, "staging": STRAY}.items():
        project.engines[stage].client.write_lp("readings", line)

    project.edit('row["room"] or "unknown"', 'row["room"].lower()')  # staging has a reading without a room
    project.up("dev")
    refused = project.up("staging", expect=1)
    assert "dry run 1 (schedule)" in refused
    assert "AttributeError: 'NoneType' object has no attribute 'lower'" in refused
    assert [project.code(stage) for stage in STAGES] != [first] * 3
    assert project.running("staging") == project.running("prod") == [f"rollup_{first[:12]}"]

    refused = project.run("preview", "--stack", "prod", expect=1)  # staging does not run this code
    assert f"and {first} is expected" in refused

    project.edit('row["room"].lower()', '(row["room"] or "unknown").lower()')
    for stage in STAGES:
        assert "means.py" in project.run("preview", "--diff", "--stack", stage)
        project.up(stage)
    (code,) = {project.code(stage) for stage in STAGES}
    assert all(project.running(stage) == [f"rollup_{code[:12]}"] for stage in STAGES)
    for stage in STAGES:
        project.run("refresh", "--yes", "--expect-no-changes", "--stack", stage)

    project.engines["prod"].client.disable_trigger("readings", "rollup")
    assert "~ 1 updated" in project.run("refresh", "--yes", "--expect-no-changes", "--stack", "prod", expect=1)
