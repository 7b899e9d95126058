"""Deploys the example from a registry of stand-ins, whose manifests have the form of the official ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from plugin_registry import PluginRegistry, manifest

EXAMPLE = Path(__file__).parent


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
    for row in influxdb3_local.query("SELECT room, avg(temp) AS mean FROM home GROUP BY room"):
        influxdb3_local.write(
            LineBuilder(args["target_measurement"]).tag("room", row["room"]).float64_field("temp_avg", row["mean"])
        )
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


def test_the_plugins_write_means_and_send_alerts(registry: PluginRegistry) -> None:
    with registry.served():
        done = subprocess.run(
            [sys.executable, EXAMPLE / "deploy.py", "--registry", registry.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=250,
            check=False,
        )

    assert done.returncode == 0, done.stdout
    assert "Hourly means: [{'room': 'hall', 'temp_avg': 29.5}]" in done.stdout
    assert "Alerts: 9, the first one: temp 31.0" in done.stdout
