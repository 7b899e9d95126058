"""Follows the example's README with a registry of stand-ins, whose manifests have the form of the official ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from plugin_registry import PluginRegistry, manifest

if TYPE_CHECKING:
    from pathlib import Path

    from example_shell import ExampleShell


def header(kind: str, *arguments: tuple[str, bool]) -> str:
    listed = ", ".join(
        f'{{"name": "{name}", "example": "x", "description": "The {name}.", "required": {str(required).lower()}}}'
        for name, required in arguments
    )
    return f'"""\n{{"plugin_type": ["{kind}"], "{kind}_args_config": [{listed}]}}\n"""\n'


DOWNSAMPLER = (
    header(
        "scheduled",
        ("source_measurement", True),
        ("target_measurement", True),
        ("window", True),
        ("interval", False),
        ("calculations", False),
    )
    + """
def process_scheduled_call(influxdb3_local, call_time, args=None):
    sql = "SELECT date_bin(INTERVAL '1 hour', time) AS hour, room, avg(temp) AS mean FROM home GROUP BY hour, room"
    for row in influxdb3_local.query(sql):
        line = LineBuilder(args["target_measurement"]).tag("room", row["room"]).float64_field("temp_avg", row["mean"])
        influxdb3_local.write(line.time_ns(row["hour"]))
"""
)
CHECKS = (
    header(
        "onwrite",
        ("measurement", True),
        ("field_conditions", True),
        ("senders", True),
        ("http_webhook_url", False),
        ("influxdb3_auth_token", False),
        ("port_override", False),
    )
    + """
import json
import urllib.request


def process_writes(influxdb3_local, table_batches, args=None):
    for batch in table_batches:
        for row in batch["rows"]:
            if row["temp"] > 30:
                call = {"url": args["http_webhook_url"], "text": f"temp {row['temp']}"}
                url = f"http://127.0.0.1:{args['port_override']}/api/v3/engine/notify"
                urllib.request.urlopen(urllib.request.Request(url, json.dumps(call).encode()), timeout=10)
"""
)
NOTIFIER = """
import json
import urllib.request


def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    call = json.loads(request_body)
    urllib.request.urlopen(urllib.request.Request(call["url"], call["text"].encode()), timeout=10)
    return "sent"
"""


@pytest.fixture
def registry(tmp_path: Path) -> PluginRegistry:
    registry = PluginRegistry(tmp_path / "registry")
    exclude = (".git/", "__pycache__/", "*.py")
    for name, version, trigger, code, plugins in (
        ("downsampler", "1.4.0", "process_scheduled_call", DOWNSAMPLER, ()),
        ("threshold_deadman_checks", "1.3.0", "process_writes", CHECKS, (("notifier", ">=1.0.0,<2.0.0"),)),
        ("notifier", "1.2.0", "process_request", NOTIFIER, ()),
    ):
        text = manifest(name, version, (trigger,), plugins=plugins, exclude=(*exclude, f"!{name}_plugin.py"))
        registry.publish({"manifest.toml": text, f"{name}_plugin.py": code, "README.md": f"# {name}\n"})
    return registry


@dataclass
class Asked:
    """The requests to the registry."""

    requests: list[str]


def test_the_plugins_write_means_and_send_alerts(example: ExampleShell, registry: PluginRegistry) -> None:
    with registry.served():
        example.servers = [Asked(registry.asked)]
        example.replace = {"deploy.py": f"deploy.py --registry {registry.url}"}

        drawn = example.readme("deploy")
        hours = re.findall(r"^ *\d\d:00 +(\S+) +(\d\d\.\d) °C", drawn, re.MULTILINE)
        assert len(hours) == 6
        assert max(hours, key=lambda hour: float(hour[1])) == max(hours, key=lambda hour: len(hour[0]))
        assert "alerts by threshold_deadman_checks. The first one: temp 3" in drawn
        assert "</svg>" in (example.directory / "chart.svg").read_text()

        refused = example.readme("an argument is missing")
        assert "window" in refused
        example.readme()
