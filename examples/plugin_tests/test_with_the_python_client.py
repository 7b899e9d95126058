"""Writes and queries with InfluxDB's own Python client, as an application does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from influxdb_client_3 import InfluxDBClient3

if TYPE_CHECKING:
    from influxdb3_embedded.testing.plugin_tests import PluginTestEngine

PLUGIN = Path(__file__).parent / "plugins" / "temperature_alert.py"
ALERTS = "SELECT room, excess FROM alerts"


def test_an_application_gets_the_alerts_of_what_it_writes(influxdb3_engine: PluginTestEngine) -> None:
    influxdb3_engine.create_trigger(influxdb3_engine.upload(PLUGIN), "table:temperature", arguments={"limit": "30"})

    # the engine of a test has no tokens, and the client wants one
    with InfluxDBClient3(host=influxdb3_engine.url, database=influxdb3_engine.database, token="none") as client:  # noqa: S106
        client.write("temperature,room=kitchen celsius=31.5")
        influxdb3_engine.wait_for_rows(ALERTS)

        assert client.query(ALERTS).to_pylist() == [{"room": "kitchen", "excess": 1.5}]
