"""Tests of the plugin, on an engine of their own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from influxdb3_embedded.testing.plugin_tests import PluginTestEngine

PLUGIN = Path(__file__).parents[1] / "plugins" / "low_flow.py"


def test_a_flow_below_the_least_makes_an_alarm(influxdb3_engine: PluginTestEngine) -> None:
    influxdb3_engine.create_trigger(influxdb3_engine.upload(PLUGIN), "table:flow", arguments={"least": "5"})

    influxdb3_engine.write(["flow,pump=north litres=4.5 1", "flow,pump=south litres=5 2"])

    assert influxdb3_engine.wait_for_rows("SELECT pump, litres FROM alarms") == [{"pump": "north", "litres": 4.5}]
