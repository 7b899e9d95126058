"""Tests a plugin from written lines to resulting rows; each test has its own engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from influxdb3_embedded.testing.plugin_tests import PluginTestEngine

PLUGIN = Path(__file__).parent / "plugins" / "temperature_alert.py"
ALERTS = "SELECT room, excess FROM alerts ORDER BY room"


@pytest.fixture
def trigger(influxdb3_engine: PluginTestEngine) -> str:
    """The plugin, triggered by writes to `temperature`."""
    plugin = influxdb3_engine.upload(PLUGIN)
    return influxdb3_engine.create_trigger(plugin, "table:temperature", arguments={"limit": "30"})


def test_an_alert_contains_the_degrees_above_the_limit(influxdb3_engine: PluginTestEngine, trigger: str) -> None:
    influxdb3_engine.write(["temperature,room=kitchen celsius=31.5 1", "temperature,room=cellar celsius=12 2"])

    assert influxdb3_engine.wait_for_rows(ALERTS) == [{"room": "kitchen", "excess": 1.5}]


def test_a_temperature_at_the_limit_makes_no_alert(influxdb3_engine: PluginTestEngine, trigger: str) -> None:
    influxdb3_engine.write("temperature,room=kitchen celsius=30")

    influxdb3_engine.wait_for_runs(trigger)
    assert influxdb3_engine.query(ALERTS) == []


def test_a_row_without_a_temperature_is_ignored(influxdb3_engine: PluginTestEngine, trigger: str) -> None:
    influxdb3_engine.write("temperature,room=kitchen humidity=40")

    influxdb3_engine.wait_for_runs(trigger)
    assert [row.log_level for row in influxdb3_engine.trigger_log(trigger)] == ["INFO", "INFO"]


def test_a_trigger_without_a_limit_logs_the_missing_argument(influxdb3_engine: PluginTestEngine) -> None:
    trigger = influxdb3_engine.create_trigger(influxdb3_engine.upload(PLUGIN), "all_tables")
    influxdb3_engine.write("temperature,room=kitchen celsius=31.5")

    influxdb3_engine.wait_for_runs(trigger)
    assert any("KeyError: 'limit'" in row.log_text for row in influxdb3_engine.trigger_log(trigger))
