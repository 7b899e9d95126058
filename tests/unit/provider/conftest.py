"""A server behind the transport, and plugin sources that no other test has declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fake_server import FakeServer
from site_packages import SitePackages

from influxdb3_engine_api import foreign_text
from influxdb3_engine_resources.server import on_server as server_plugins

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> FakeServer:
    """A server with one empty database; the probe finds its plugin directory as on a real one."""
    return FakeServer(tmp_path)


@pytest.fixture
def two_plugins(server: FakeServer) -> None:
    """The plugins ``p.py`` and ``q.py`` on the server, which refuses triggers of plugins that it does not have."""
    for name in ("p.py", "q.py"):
        (server.plugin_directory / name).touch()


@pytest.fixture(autouse=True)
def nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages of a test hide no value that another test has declared: hidden values last as long as a process."""
    for kept in (foreign_text._hidden, foreign_text._secret):
        monkeypatch.setattr(kept, "_names", {})


@pytest.fixture(autouse=True)
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the probe takes for the processes of its machine; it is not there unless a test makes it."""
    directory = tmp_path / "proc"
    source = server_plugins.PROBE.source.replace('PROCESSES = "/proc"', f"PROCESSES = {str(directory)!r}")
    monkeypatch.setitem(server_plugins.PROBE.__dict__, "source", source)
    return directory


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SitePackages:
    """Distributions that the probe finds beside those of the tests' interpreter."""
    directory = tmp_path / "site"
    directory.mkdir()
    monkeypatch.syspath_prepend(directory)
    return SitePackages(directory)
