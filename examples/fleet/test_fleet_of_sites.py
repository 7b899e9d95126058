"""Rolls a change out to three engines, as the example's README describes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from example_projects import copied, start_engines
from stack import ProjectStack

from pulumi_cli import find_or_install

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_embedded.testing import RunningEngine
    from influxdb3_engine_api import EngineClient

EXAMPLE = Path(__file__).parent
SITES = ("berlin", "madrid", "oslo")

Engines = dict[str, "RunningEngine"]


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    with start_engines(tmp_path, SITES) as running:
        yield running


@pytest.fixture
def stack(tmp_path: Path, engines: Engines) -> ProjectStack:
    """A copy of the example with one engine for each site."""
    directory = copied(EXAMPLE, tmp_path / "project")
    stack = ProjectStack(directory, find_or_install(report=print), os.environ, "sites")
    for site, engine in engines.items():
        stack.run("config", "set", "--path", f"influxdb3:engines.{site}.hostUrl", engine.url, expect=0)
    return stack


def limits(engines: Engines, *sites: str) -> list[str]:
    """The limit that the trigger of each site has."""
    clients = [engines[site].client for site in sites]
    return [client.trigger_arguments("machines")["alarms"]["limit"] for client in clients]


def test_a_change_reaches_one_site_then_all_but_the_one_that_is_down(stack: ProjectStack, engines: Engines) -> None:
    stack.up()
    assert limits(engines, *SITES) == ["80", "80", "80"]
    engines["madrid"].client.write_lp("machines", "temperature,machine=press celsius=85")
    assert alarms(engines["madrid"].client) == [{"machine": "press", "celsius": 85.0}]

    stack.run("config", "set", "limit", "90", expect=0)
    stack.up("--target", "**::berlin*")
    assert limits(engines, *SITES) == ["90", "80", "80"]

    engines["oslo"].stop()
    refused = stack.up("--continue-on-error", expect=1)
    assert "is influxdb3:engines.oslo.hostUrl right?" in refused.output
    assert limits(engines, "berlin", "madrid") == ["90", "90"]

    stack.destroy("--target", "**::madrid*")
    assert engines["madrid"].client.triggers("machines") == []
    stack.run("config", "rm", "--path", "influxdb3:engines.madrid", expect=0)
    stack.run("config", "rm", "--path", "influxdb3:engines.oslo", expect=0)
    assert limits(engines, "berlin") == ["90"]


def alarms(client: EngineClient) -> list[dict[str, Any]]:
    """The alarms, once there is one."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        tables = client.query_sql("machines", "SELECT table_name FROM information_schema.tables")
        if {"table_name": "alarms"} in tables:
            return client.query_sql("machines", "SELECT machine, celsius FROM alarms")
        time.sleep(0.1)
    return []
