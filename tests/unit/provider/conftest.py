"""A server behind the transport, and plugin sources that no other test has declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fake_server import FakeServer
from site_packages import SitePackages

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> FakeServer:
    """A server with one empty database; the probe finds its plugin directory as on a real one."""
    return FakeServer(tmp_path)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SitePackages:
    """Distributions that the probe finds beside those of the tests' interpreter."""
    directory = tmp_path / "site"
    directory.mkdir()
    monkeypatch.syspath_prepend(directory)
    return SitePackages(directory)
