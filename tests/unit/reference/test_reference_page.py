"""The reference says what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[3]


def test_the_reference_is_up_to_date() -> None:
    command = [sys.executable, "docs/reference.py", "--check"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)

    assert run.returncode == 0, run.stdout + run.stderr
