"""Follows the example's README on an engine; a stand-in takes the place of the plugin of ``pulumi-random``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import random_plugin
from breaking_proxy import BreakingProxy
from servers import free_port

from influxdb3_engine_api import EngineClient

if TYPE_CHECKING:
    from pathlib import Path

    from example_shell import ExampleShell


def test_a_secret_of_another_provider_protects_a_webhook_and_is_rotated(example: ExampleShell, tmp_path: Path) -> None:
    random_plugin.install(tmp_path / "home")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    proxy = BreakingProxy(url, 1)
    example.servers = [proxy]
    example.replace = {
        "uv pip install": "true",
        "serve ": f"serve --http-bind 127.0.0.1:{port} ",
        "http://127.0.0.1:8181": proxy.url,
    }
    example.readme()
    client = EngineClient(url, start_patience=30)
    client.ping()

    assert "+ 5 created" in example.readme("create")
    first = client.trigger_arguments("events")["webhook"]["secret"]
    assert len(first) == 32

    called = example.readme()
    assert "403" in called
    assert '[{"text":"valve opened"}]' in called

    rotated = example.readme("rotate the secret")
    assert "+-1 replaced" in rotated
    assert first not in rotated
    assert client.trigger_arguments("events")["webhook"]["secret"] != first
    assert '{"accepted": true}' in example.readme()

    assert "- 5 deleted" in example.readme("destroy")
    client.close()
    proxy.close()
