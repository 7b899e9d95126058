"""Follows the example's README: promotes changes through three engines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from breaking_proxy import BreakingProxy
from example_projects import start_engines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from example_shell import ExampleShell

    from influxdb3_embedded.testing import RunningEngine

STAGES = ("dev", "staging", "prod")
READING = "temperature,room=hall celsius=20"
STRAY = f"{READING}\ntemperature celsius=21"

Engines = dict[str, "RunningEngine"]


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    with start_engines(tmp_path, STAGES) as running:
        yield running


def configure(example: ExampleShell, stage: str, url: str) -> None:
    """Name the engine of a stage, and let its pipeline run each second."""
    file = example.directory / f"Pulumi.{stage}.yaml"
    text = re.sub(r"(promotion:every: ).*", r"\g<1>1s\n  promotion:watch: 20", file.read_text())
    file.write_text(text.replace(f"http://influxdb-{stage}.example:8181", url))


def code(example: ExampleShell, stage: str) -> str:
    """The hash of the code that was last deployed to a stage."""
    return example.run(f"pulumi stack output code --stack {stage}")


def running(engine: RunningEngine) -> list[str]:
    """The plugin directories that a stage's triggers run."""
    return [row.plugin_filename for row in engine.client.triggers("readings")]


def test_a_change_stops_at_the_first_stage_that_it_fails_on(example: ExampleShell, engines: Engines) -> None:
    prod = BreakingProxy(engines["prod"].url, 1)
    example.servers = [prod]
    for stage, engine in engines.items():
        configure(example, stage, prod.url if stage == "prod" else engine.url)

    example.readme()
    example.readme()
    first = code(example, "dev")
    for stage, line in {"dev": READING, "staging": STRAY}.items():
        engines[stage].client.write_lp("readings", line)
    example.readme("refresh of a stage")

    refused = example.readme()
    assert "dry run 1 (schedule)" in refused
    assert "AttributeError: 'NoneType' object has no attribute 'lower'" in refused
    assert f"and {first} is expected" in refused
    assert running(engines["staging"]) == running(engines["prod"]) == [f"rollup_{first[:12]}"]

    assert "means.py" in example.readme()
    (deployed,) = {code(example, stage) for stage in STAGES}
    assert deployed != first
    assert all(running(engine) == [f"rollup_{deployed[:12]}"] for engine in engines.values())

    engines["prod"].client.disable_trigger("readings", "rollup")
    assert "~ 1 updated" in example.run("pulumi refresh --stack prod --yes --expect-no-changes", fails=True)
    prod.close()
