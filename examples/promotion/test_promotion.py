"""Promotes changes through three engines, as the example's README describes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from example_projects import copied, start_engines
from stack import ProjectStack

from pulumi_cli import find_or_install

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_embedded.testing import RunningEngine

EXAMPLE = Path(__file__).parent
STAGES = ("dev", "staging", "prod")
READING = "temperature,room=hall celsius=20"
STRAY = f"{READING}\ntemperature celsius=21"

Engines = dict[str, "RunningEngine"]
Stacks = dict[str, ProjectStack]


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    with start_engines(tmp_path, STAGES) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copied(EXAMPLE, tmp_path / "project")


@pytest.fixture
def stacks(project: Path, engines: Engines) -> Stacks:
    """A stack for each stage, with an engine of its own."""
    cli = find_or_install(report=print)
    config = {"every": "1s", "watch": "20"}
    return {
        stage: ProjectStack(project, cli, os.environ, stage, {"influxdb3:hostUrl": engine.url, **config})
        for stage, engine in engines.items()
    }


def code(stack: ProjectStack) -> str:
    """The hash of the code that was last deployed to a stage."""
    return stack.run("stack", "output", "code", expect=0).output.strip()


def edit(project: Path, before: str, after: str) -> None:
    """Change the plugin."""
    file = project / "plugins/rollup/means.py"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))


def running(engine: RunningEngine) -> list[str]:
    """The plugin directories that a stage's triggers run."""
    return [row.plugin_filename for row in engine.client.triggers("readings")]


def test_a_change_stops_at_the_first_stage_that_it_fails_on(project: Path, stacks: Stacks, engines: Engines) -> None:
    for stack in stacks.values():
        stack.up()
    first = code(stacks["dev"])
    for stage, line in {"dev": READING, "staging": STRAY}.items():
        engines[stage].client.write_lp("readings", line)

    edit(project, 'row["room"] or "unknown"', 'row["room"].lower()')  # staging has a reading without a room
    stacks["dev"].up()
    refused = stacks["staging"].up(expect=1).output
    assert "dry run 1 (schedule)" in refused
    assert "AttributeError: 'NoneType' object has no attribute 'lower'" in refused
    assert [code(stack) for stack in stacks.values()] != [first] * 3
    assert running(engines["staging"]) == running(engines["prod"]) == [f"rollup_{first[:12]}"]

    refused = stacks["prod"].preview(expect=1).output  # staging does not run this code
    assert f"and {first} is expected" in refused

    edit(project, 'row["room"].lower()', '(row["room"] or "unknown").lower()')
    for stack in stacks.values():
        assert "means.py" in stack.preview("--diff").output
        stack.up()
    (deployed,) = {code(stack) for stack in stacks.values()}
    assert all(running(engine) == [f"rollup_{deployed[:12]}"] for engine in engines.values())
    for stack in stacks.values():
        stack.refresh("--expect-no-changes")

    engines["prod"].client.disable_trigger("readings", "rollup")
    refreshed = stacks["prod"].refresh("--expect-no-changes", expect=None)
    assert refreshed.status != 0
    assert "~ 1 updated" in refreshed.output
