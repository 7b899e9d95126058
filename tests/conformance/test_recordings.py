"""The engine answers as a real InfluxDB 3 server was recorded to (``player`` says how answers are compared)."""

from __future__ import annotations

import re
from pathlib import Path

import player
import pytest

from influxdb3_embedded.testing import start_engine

HERE = Path(__file__).parent
RECORDINGS = sorted((HERE / "recordings").glob("*.json"))


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.stem)
def test_the_engine_answers_as_the_real_server_did(recording: Path, tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        found = player.differences(engine.url, player.load(recording))
    assert found == [], "\n".join(found)


def test_the_table_of_deviations_holds_the_recorded_ones_and_no_others() -> None:
    recorded = {
        (recording.stem, step["id"])
        for recording in RECORDINGS
        for step in player.load(recording)
        if "deviation" in step
    }
    rows = re.findall(r"^\| (\w+): ([^|]+) \|", (HERE / "deviations.md").read_text(), re.MULTILINE)
    assert set(rows) == recorded
