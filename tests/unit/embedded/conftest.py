"""Fixtures of this folder."""

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
    """A plain HTTP client, for requests that `EngineClient` cannot send."""
    with httpx.Client(base_url=engine.url, timeout=30) as client:
        yield client


@pytest.fixture
def database(engine: RunningEngine) -> str:
    """A new database for one test."""
    name = f"db_{uuid.uuid4().hex[:8]}"
    engine.client.create_database(name)
    return name
