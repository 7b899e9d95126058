from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from stub_machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    machine.path.mkdir()
    yield machine
    machine.let_go_on()  # a stub that still runs after a killed run ends now
