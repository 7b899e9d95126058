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

from influxdb3_engine_api import EngineClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the project, which the tests of this module deploy one after the other."""
    root = tmp_path_factory.mktemp("quickstart")
    shutil.copy(PROJECT / "Pulumi.yaml", root)
    shutil.copytree(PROJECT / "examples", root / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    yield root
    _stop(_engine(root)["pid"])


def _command(root: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(root / "examples/quickstart/deploy.py"), *arguments]


def _deploy(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(root, *arguments), capture_output=True, text=True, timeout=900, check=False, env=_environment()
    )


def _environment() -> dict[str, str]:
    return os.environ | {"COLUMNS": "200"}


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


def _pulumi(root: Path, *arguments: str) -> tuple[int, str]:
    """Run the CLI after ``. .deploy/env``."""
    line = ". .deploy/env && exec pulumi " + " ".join(arguments) + " --non-interactive"
    done = subprocess.run(["bash", "-c", line], cwd=root, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_first_run_deploys_shows_rows_and_stops_the_engine(copy: Path) -> None:
    done = _deploy(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    for text in ("10 created", "metrics arrive", "an alert was raised", "every:2s", "threshold=50.0", "answers 200"):
        assert text in done.stdout
    assert '"highest_percent"' in done.stdout
    assert "preview --diff" in done.stdout
    assert not _alive(_engine(copy)["pid"])


def test_a_second_run_reports_no_changes_and_can_keep_the_engine(copy: Path) -> None:
    done = _deploy(copy, "--keep")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 unchanged" in done.stdout
    engine = _engine(copy)
    assert f"kill {engine['pid']}" in done.stdout
    with EngineClient(engine["url"]) as client:
        client.health()


def test_edited_plugin_code_shows_in_preview_and_works_on_the_next_write(copy: Path) -> None:
    alerts = copy / "examples/quickstart/plugins/threshold_alert/alerts.py"
    alerts.write_text(
        alerts.read_text().replace("    return line", '    line.string_field("team", "ops")\n    return line')
    )
    status, shown = _pulumi(copy, "preview", "--diff")
    assert status == 0, shown
    assert 'line.string_field("team", "ops")' in shown
    assert shown.count("[urn=") == 3  # the stack, the directory and its trigger
    assert 'plugin_filename: "threshold_alert_' in shown
    assert "~ 2 to update" in shown
    assert "replace" not in shown

    status, output = _pulumi(copy, "up", "--yes", "--skip-preview")
    assert status == 0, output
    with EngineClient(_engine(copy)["url"]) as client:
        client.write_lp("metrics", "cpu,host=elsewhere usage_percent=99")
        query = "SELECT team, direction FROM alerts WHERE host = 'elsewhere'"
        _wait(lambda: client.query_sql("metrics", "SELECT 1 FROM alerts WHERE host = 'elsewhere'"))
        assert client.query_sql("metrics", query) == [{"team": "ops", "direction": "up"}]


def test_a_broken_plugin_fails_the_preview_and_the_deployment_with_one_message(copy: Path) -> None:
    report = copy / "examples/quickstart/plugins/report.py"
    working = report.read_text()
    report.write_text(working.replace("def process_request", "def process_requests"))
    try:
        status, shown = _pulumi(copy, "preview")
        assert status != 0
        assert "the plugin does not define process_request, which this trigger calls" in shown
        done = _deploy(copy)
        assert done.returncode == 1
        assert "The quickstart failed." in done.stdout.strip().splitlines()[-1]
    finally:
        report.write_text(working)


def test_destroy_leaves_no_trigger(copy: Path) -> None:
    status, output = _pulumi(copy, "destroy", "--yes", "--skip-preview")
    assert status == 0, output
    with EngineClient(_engine(copy)["url"]) as client:
        assert client.triggers("metrics") == []
    _stop(_engine(copy)["pid"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_running(copy: Path, number: signal.Signals) -> None:
    (copy / ".deploy/engine.log").unlink()
    process = subprocess.Popen(_command(copy), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "pulumi up" in line:
            break
    time.sleep(1)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number, output
    assert not _alive(_engine(copy)["pid"])
