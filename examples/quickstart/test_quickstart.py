"""Runs the quickstart as a newcomer does, in a copy of the example."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from example_shell import ExampleShell

from influxdb3_engine_api import EngineClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleShell]:
    """A copy of the example, which the tests of this module deploy one after the other."""
    root = tmp_path_factory.mktemp("quickstart")
    shutil.copy(PROJECT / "Pulumi.yaml", root)
    shell = ExampleShell(Path(__file__).parent, root)
    try:
        yield shell
        shell.check_the_readme()
    finally:
        _stop(_engine(root)["pid"])
        shell.close()


@pytest.fixture
def root(example: ExampleShell) -> Path:
    """Where the shell starts, as in a checkout of the project."""
    return example.directory.parents[1]


def _engine(root: Path) -> dict[str, Any]:
    engine: dict[str, Any] = json.loads((root / ".deploy/engine.json").read_text())
    return engine


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _stop(pid: int) -> None:
    if _alive(pid):
        os.kill(pid, signal.SIGTERM)
        _wait(lambda: not _alive(pid))


def _wait(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_first_run_deploys_shows_rows_and_stops_the_engine(example: ExampleShell, root: Path) -> None:
    shown = example.readme()
    for text in ("10 created", "metrics arrive", "an alert was raised", "every:2s", "threshold=50.0", "answers 200"):
        assert text in shown
    assert '"highest_percent"' in shown
    assert "preview --diff" in shown
    assert not _alive(_engine(root)["pid"])


def test_a_second_run_reports_no_changes_and_can_keep_the_engine(example: ExampleShell, root: Path) -> None:
    shown = example.readme()
    assert "10 unchanged" in shown
    engine = _engine(root)
    assert f"kill {engine['pid']}" in shown
    with EngineClient(engine["url"]) as client:
        client.health()


def test_a_changed_argument_changes_nothing_else(example: ExampleShell, root: Path) -> None:
    shown = example.readme()
    assert '~ threshold: "50.0" => "80.0"' in shown
    assert "~ 1 updated" in shown
    with EngineClient(_engine(root)["url"]) as client:
        assert client.trigger_arguments("metrics")["threshold_alert"]["threshold"] == "80.0"


def test_edited_plugin_code_shows_in_preview_and_works_on_the_next_write(example: ExampleShell, root: Path) -> None:
    alerts = example.directory / "plugins/threshold_alert/alerts.py"
    alerts.write_text(
        alerts.read_text().replace("    return line", '    line.string_field("team", "ops")\n    return line')
    )
    shown = example.run("pulumi preview --diff")
    assert 'line.string_field("team", "ops")' in shown
    assert shown.count("[urn=") == 3  # the stack, the directory and its trigger
    assert 'plugin_filename: "threshold_alert_' in shown
    assert "~ 2 to update" in shown
    assert "replace" not in shown

    example.run("pulumi up --skip-preview")
    with EngineClient(_engine(root)["url"]) as client:
        client.write_lp("metrics", "cpu,host=elsewhere usage_percent=99")
        query = "SELECT team, direction FROM alerts WHERE host = 'elsewhere'"
        _wait(lambda: client.query_sql("metrics", "SELECT 1 FROM alerts WHERE host = 'elsewhere'"))
        assert client.query_sql("metrics", query) == [{"team": "ops", "direction": "up"}]


def test_a_broken_plugin_fails_the_preview_and_the_deployment_with_one_message(example: ExampleShell) -> None:
    report = example.directory / "plugins/report.py"
    working = report.read_text()

    assert "the plugin does not define process_request, which this trigger calls" in example.readme()
    assert report.read_text() == working

    report.write_text(working.replace("def process_request", "def process_requests"))
    shown = example.run("uv run examples/quickstart/deploy.py", fails=True)
    assert "The quickstart failed." in shown.splitlines()[-1]
    report.write_text(working)


def test_destroy_leaves_no_trigger(example: ExampleShell, root: Path) -> None:
    example.readme()
    with EngineClient(_engine(root)["url"]) as client:
        assert client.triggers("metrics") == []
    _stop(_engine(root)["pid"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_running(root: Path, number: signal.Signals) -> None:
    (root / ".deploy/engine.log").unlink()
    process = subprocess.Popen(
        [sys.executable, root / "examples/quickstart/deploy.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "pulumi up" in line:
            break
    time.sleep(1)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number, output
    assert not _alive(_engine(root)["pid"])
