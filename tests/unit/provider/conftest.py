"""A server behind the transport, and plugin sources that no other test has declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fake_server import FakeServer
from site_packages import SitePackages

from pulumi_influxdb3_engine.logic import package_set, plugin_directory, plugin_file, trigger
from pulumi_influxdb3_engine.logic.clean_up import DECLARED_FILES
from pulumi_influxdb3_engine.logic.declarations import Declared
from pulumi_influxdb3_engine.logic.declared_packages import DeclaredPackages
from pulumi_influxdb3_engine.logic.plugin_source import KnownSources

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


@pytest.fixture(autouse=True)
def _no_declared_files() -> None:
    """No other test's program counts."""
    DECLARED_FILES.clear()


@pytest.fixture(autouse=True)
def _no_declared_triggers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DECLARED_PATHS", "DECLARED_TRIGGERS"):
        monkeypatch.setattr(trigger, name, _Forgetful())


class _Forgetful(Declared[Any, Any]):
    """Tests check one resource several times over, which a deployment does not."""

    def declare(self, key: Any, value: Any) -> Any:
        del key, value


@pytest.fixture(autouse=True)
def declared_packages(monkeypatch: pytest.MonkeyPatch) -> DeclaredPackages:
    """The package sets of one program."""
    fresh = DeclaredPackages()
    monkeypatch.setattr(package_set, "DECLARED_PACKAGES", fresh)
    return fresh


@pytest.fixture(autouse=True)
def sources(monkeypatch: pytest.MonkeyPatch) -> KnownSources:
    """The sources of one program."""
    fresh = KnownSources()
    for module in (plugin_directory, plugin_file, trigger):
        monkeypatch.setattr(module, "KNOWN_SOURCES", fresh)
    return fresh
