"""A server behind the transport, and plugin sources that no other test has declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fake_server import FakeServer

from pulumi_influxdb3_engine.logic import plugin_directory, plugin_file, trigger
from pulumi_influxdb3_engine.logic.plugin_source import KnownSources

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """A server with one empty database; the probe finds its plugin directory as on a real one."""
    monkeypatch.setenv("PLUGIN_DIR", str(tmp_path))
    return FakeServer(tmp_path)


@pytest.fixture(autouse=True)
def sources(monkeypatch: pytest.MonkeyPatch) -> KnownSources:
    """The sources of one program."""
    fresh = KnownSources()
    for module in (plugin_directory, plugin_file, trigger):
        monkeypatch.setattr(module, "KNOWN_SOURCES", fresh)
    return fresh
