"""Fixtures for tests of the runner."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from runner_bench import Bench

from influxdb3_embedded.runner import PluginEnvironment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def environment_location(tmp_path_factory: pytest.TempPathFactory) -> Path:
    location = tmp_path_factory.mktemp("environment") / "venv"
    asyncio.run(PluginEnvironment(location).ensure())
    return location


@pytest.fixture
def bench(tmp_path: Path, environment_location: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, environment_location)
    yield bench
    bench.close()
