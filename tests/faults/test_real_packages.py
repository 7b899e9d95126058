"""Plugins that use libraries, which the server installs. ``-m 'not downloads'`` leaves these tests out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from scenes import RECORD, create, is_running, open_gate, running_pid, seen, shut_gate, wait_until, write

from influxdb3_embedded.testing import RunningEngine, start_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.downloads, pytest.mark.timeout(900)]

ROLLING_MEAN = """\
import numpy as np
import pandas as pd

def process_writes(influxdb3_local, table_batches, args=None):
    for batch in table_batches:
        frame = pd.DataFrame(batch["rows"])
        frame["time"] = pd.to_datetime(frame["time"], unit="ns")
        for host, rows in frame.groupby("host"):
            line = LineBuilder("means").tag("host", host).float64_field("mean", float(np.mean(rows["v"])))
            influxdb3_local.write(line.time_ns(int(rows["time"].max().value)))

def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    frame = pd.DataFrame(influxdb3_local.query("SELECT host, mean FROM means ORDER BY host"))
    return {"numpy": np.__version__, "means": frame.to_dict("records")}
"""
UTILITIES = """\
from importlib.metadata import files, version
def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    import influxdata_plugin_utils
    return {"version": version("influxdata-plugin-utils"), "names": sorted(dir(influxdata_plugin_utils))}
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with start_engine(tmp_path_factory.mktemp("engine")) as running:
        running.client.create_database("d")
        for name, source in {"record": RECORD, "means": ROLLING_MEAN, "utilities": UTILITIES}.items():
            running.client.create_plugin_file(f"{name}.py", source)
        yield running


def test_the_next_run_uses_an_installed_pandas_and_a_run_in_progress_goes_on(engine: RunningEngine) -> None:
    client = engine.client
    shut_gate(engine)
    create(client, "w", "record.py", "table:m")
    create(client, "means", "means.py", "table:cpu")
    create(client, "report", "means.py", "request:report")
    assert "No module named 'numpy'" in client.call_request_trigger("report").json()["error"]
    write(client, 1)
    pid = running_pid(client, "w")
    client.install_packages(["pandas", "numpy"])
    assert is_running(pid)
    open_gate(engine)
    wait_until(lambda: seen(client) == [1])
    client.write_lp("d", "cpu,host=a v=1 1\ncpu,host=a v=3 2\ncpu,host=b v=5 3")
    wait_until(lambda: "means" in {row["table_name"] for row in client.query_sql("d", "SHOW TABLES")})
    report = client.call_request_trigger("report").json()
    assert report["means"] == [{"host": "a", "mean": 2.0}, {"host": "b", "mean": 5.0}]


def test_calls_go_on_while_packages_are_installed(engine: RunningEngine) -> None:
    create(engine.client, "calls", "means.py", "request:calls")
    installing = threading.Thread(target=engine.client.install_packages, args=(["colorama", "tabulate"],))
    installing.start()
    calls = 0
    while installing.is_alive():
        assert engine.client.call_request_trigger("calls").is_success
        calls += 1
    assert calls


def test_influxdata_plugin_utils_can_be_installed_and_imported(engine: RunningEngine) -> None:
    engine.client.install_packages(["influxdata-plugin-utils"])
    create(engine.client, "utilities", "utilities.py", "request:utilities")
    answer = engine.client.call_request_trigger("utilities")
    assert answer.is_success, answer.text
    assert answer.json()["version"]
