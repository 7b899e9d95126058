"""Engines that the tests of this folder share, each with the names that a test makes its own."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import httpx
import pytest

from influxdb3_embedded.testing import RunningEngine, start_engine

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine without tokens."""
    with start_engine(tmp_path_factory.mktemp("engine"), object_store="memory") as running:
        yield running


@pytest.fixture(scope="module")
def http(engine: RunningEngine) -> Iterator[httpx.Client]:
    """Sends what a well-behaved client would not."""
    with httpx.Client(base_url=engine.url, timeout=30) as client:
        yield client


@pytest.fixture
def database(engine: RunningEngine) -> str:
    """A database of the test's own."""
    name = f"db_{uuid.uuid4().hex[:8]}"
    engine.client.create_database(name)
    return name
