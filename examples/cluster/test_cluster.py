"""Follows the example's README on two engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaking_proxy import BreakingProxy
from servers import free_port

from influxdb3_engine_api import EngineClient

if TYPE_CHECKING:
    from example_shell import ExampleShell


def test_all_nodes_have_the_code_or_none(example: ExampleShell) -> None:
    ports = free_port(), free_port()
    nodes = [BreakingProxy(f"http://127.0.0.1:{port}", 1) for port in ports]
    example.servers = list(nodes)
    example.replace = {
        f"127.0.0.1:{published}": f"127.0.0.1:{port}" for published, port in zip((8181, 8182), ports, strict=True)
    }
    configuration = example.directory / "Pulumi.prod.yaml"
    text = configuration.read_text()
    for published, node in zip((8181, 8182), nodes, strict=True):
        text = text.replace(f"http://127.0.0.1:{published}", node.url)
    configuration.write_text(text)

    example.readme()
    for port in ports:
        EngineClient(f"http://127.0.0.1:{port}", start_patience=30).ping()
    created = example.readme("create")
    assert f"{nodes[1].url}/api/v3/engine/report" in created
    assert created.count("means.py\nreport.py") == 2

    assert "~ 1 updated" in example.readme("a file is missing on one node")

    refused = example.readme("a node cannot write")
    assert "All hosts have the files that they had before" in refused
    assert "1 hour" in refused.splitlines()[-1]

    assert example.readme("it can write again").count("2 hours") == 2

    assert "- 6 deleted" in example.readme("destroy")
