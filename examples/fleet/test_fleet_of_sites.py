"""Follows the example's README: rolls a change out to three engines, one of which is down."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from breaking_proxy import BreakingProxy
from example_projects import start_engines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from example_shell import ExampleShell

    from influxdb3_embedded.testing import RunningEngine
    from influxdb3_engine_api import EngineClient

SITES = ("berlin", "madrid", "oslo")

Engines = dict[str, "RunningEngine"]


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    with start_engines(tmp_path, SITES) as running:
        yield running


def limits(engines: Engines, *sites: str) -> list[str]:
    """The limit that the trigger of each site has."""
    clients = [engines[site].client for site in sites]
    return [client.trigger_arguments("machines")["alarms"]["limit"] for client in clients]


def test_a_change_reaches_one_site_then_all_but_the_one_that_is_down(example: ExampleShell, engines: Engines) -> None:
    proxies = {site: BreakingProxy(engine.url, 1) for site, engine in engines.items()}
    example.servers = list(proxies.values())
    configuration = example.directory / "Pulumi.sites.yaml"
    text = configuration.read_text()
    for site, proxy in proxies.items():
        text = text.replace(f"http://influxdb-{site}.example:8181", proxy.url)
    configuration.write_text(text)
    example.replace = {"https://berlin:8181": proxies["berlin"].url}

    example.readme("deploy to three sites")
    assert limits(engines, *SITES) == ["80", "80", "80"]
    engines["madrid"].client.write_lp("machines", "temperature,machine=press celsius=85")
    assert alarms(engines["madrid"].client) == [{"machine": "press", "celsius": 85.0}]

    example.readme("change one site")
    assert limits(engines, *SITES) == ["90", "80", "80"]

    proxies["oslo"].close()
    refused = example.readme()
    assert "is influxdb3:engines.oslo.hostUrl right?" in refused
    assert limits(engines, "berlin", "madrid") == ["90", "90"]

    example.readme("close a site")
    assert engines["madrid"].client.triggers("machines") == []
    assert limits(engines, "berlin") == ["90"]
    assert "madrid" not in configuration.read_text()


def alarms(client: EngineClient) -> list[dict[str, Any]]:
    """The alarms, once there is one."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        tables = client.query_sql("machines", "SELECT table_name FROM information_schema.tables")
        if {"table_name": "alarms"} in tables:
            return client.query_sql("machines", "SELECT machine, celsius FROM alarms")
        time.sleep(0.1)
    return []
