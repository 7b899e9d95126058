"""Follows the example's README on an engine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from breaking_proxy import BreakingProxy
from servers import free_port

from influxdb3_engine_api import EngineClient

if TYPE_CHECKING:
    from example_shell import ExampleShell


def test_tenants_are_added_changed_and_removed(example: ExampleShell) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    proxy = BreakingProxy(url, 1)
    example.servers = [proxy]
    example.replace = {
        "serve ": f"serve --http-bind 127.0.0.1:{port} ",
        "http://127.0.0.1:8181": proxy.url,
        "pulumi login --local": "true",  # the state of this test is elsewhere
    }
    example.readme()
    client = EngineClient(url, start_patience=30)
    client.ping()

    added = example.readme("add two tenants")
    assert "anna: 5 create" in added
    assert "anna: limit 30\nben: limit 20" in added

    assert "anna: 4 same, 1 update" in example.readme("change a limit")
    assert client.trigger_arguments("anna") == {"alarms": {"limit": "35"}}
    assert client.trigger_arguments("ben") == {"alarms": {"limit": "20"}}

    example.readme()
    assert alarms(client, "ben") == [{"sensor": "oven", "value": 25.0}]

    assert example.readme("remove a tenant").endswith("ben: removed\nanna: limit 35")
    assert client.databases() == ["_internal", "anna"]

    assert "north.east" in example.readme("a tenant that a preview refuses")
    example.readme()
    proxy.close()


def alarms(client: EngineClient, tenant: str) -> list[dict[str, object]]:
    """The alarms, once there is one."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        tables = client.query_sql(tenant, "SELECT table_name FROM information_schema.tables")
        if {"table_name": "alarms"} in tables:
            return client.query_sql(tenant, "SELECT sensor, value FROM alarms")
        time.sleep(0.1)
    return []
