"""Follows the example's README on an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaking_proxy import BreakingProxy
from servers import free_port

from influxdb3_engine_api import EngineClient

if TYPE_CHECKING:
    from example_shell import ExampleShell


def test_a_server_that_was_configured_by_hand_is_adopted_and_changed(example: ExampleShell) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    example.replace = {"serve ": f"serve --http-bind 127.0.0.1:{port} ", "127.0.0.1:8181": f"127.0.0.1:{port}"}
    example.readme()
    client = EngineClient(url)
    proxy = BreakingProxy(url, 1)
    example.servers, example.replace["127.0.0.1:8181"] = [proxy], proxy.url.removeprefix("http://")

    by_hand = client.triggers("machines")
    adopted = example.readme("export and adopt")
    assert 'trigger_arguments={"threshold": "80"}' in adopted
    assert 'config.require_secret("alerts_token")' in adopted
    assert "trigger 'cpu_alert' in database 'machines' exists and is adopted: nothing changes" in adopted
    assert "of-the-dashboard" not in adopted
    assert client.triggers("machines") == by_hand

    assert '~ threshold: "80" => "90"' in example.readme("change an argument")
    assert client.trigger_arguments("machines")["cpu_alert"] == {"threshold": "90"}

    example.readme()
    assert {row.trigger_name: row.disabled for row in client.triggers("machines")}["cpu_alert"]
    assert "~ disabled: true => false" in example.readme("refresh and enable again")
    assert not any(row.disabled for row in client.triggers("machines"))

    refused = example.readme("preview of a broken plugin")
    assert "the plugin does not define process_writes, which this trigger calls" in refused

    example.readme("destroy")
    assert client.triggers("machines") == []
    example.readme()
    proxy.close()
