"""The soak works: a few seconds of it, with its verdict, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from process_tree import process_tree
from scenes import is_running, wait_until

SOAK = [sys.executable, str(Path(__file__).with_name("soak.py")), "--minutes"]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may read what the engine's processes use")


def test_a_short_soak_loses_no_row_and_leaves_no_process() -> None:
    done = subprocess.run([*SOAK, "0.12"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "; 0 lost, 0 not derived, 0 derived twice" in done.stdout
    assert "Verdict: all reached" in done.stdout


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_soak_leaves_no_process_and_no_file(tmp_path: Path, signal_number: int) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    soak = subprocess.Popen([*SOAK, "30"], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert soak.stdout is not None
    while "seconds" not in soak.stdout.readline():
        pass
    time.sleep(1)  # let all kinds of triggers run
    pids = process_tree(soak.pid)
    assert len(pids) > 4
    os.killpg(soak.pid, signal_number)  # a terminal sends Ctrl-C to the engine, too
    output, _ = soak.communicate(timeout=60)
    assert soak.returncode == 130
    assert "Interrupted" in output
    wait_until(lambda: not any(map(is_running, pids)))
    assert list(tmp_path.iterdir()) == []
