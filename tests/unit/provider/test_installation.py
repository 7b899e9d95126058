"""How an installation goes on around the request for it: next to others, behind a proxy that cuts it, until its end."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING, Any

import pytest
from fake_server import FakeServer, cluster

from pulumi_influxdb3_engine.logic.configuration import Configuration
from pulumi_influxdb3_engine.logic.package_set import PackageSetInputs, PackageSetLogic
from pulumi_influxdb3_engine.logic.resource import ResourceError

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = PackageSetLogic()
HOSTS = ("http://a:1", "http://b:1")


class SitePackages:
    """Distributions that the probe finds beside those of the tests' interpreter."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def install(self, name: str, version: str, *requires: str) -> None:
        self.remove(name)
        info = self._directory / f"{name}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        (info / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires), ""]))

    def remove(self, name: str) -> None:
        for info in self._directory.glob(f"{name}-*.dist-info"):
            shutil.rmtree(info)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SitePackages:
    directory = tmp_path / "site"
    directory.mkdir()
    monkeypatch.syspath_prepend(directory)
    return SitePackages(directory)


def packages(*names: str, url: str = Configuration().host_url, **properties: Any) -> PackageSetInputs:
    given = {"packages": list(names)} if names else {}
    return PACKAGES.check(PackageSetInputs.checked(given | properties), Configuration(host_url=url))


def test_an_order_that_fails_leaves_alone_what_a_parallel_one_has_installed(tmp_path: Path, site: SitePackages) -> None:
    servers = {url: FakeServer(tmp_path) for url in HOSTS}
    engine = cluster(servers)
    failing = packages("failing", url=HOSTS[0], set_name="failing")
    parallel = packages("parallel", url=HOSTS[0], set_name="parallel")
    installed, outputs = threading.Event(), []
    thread = threading.Thread(target=lambda: outputs.append(PACKAGES.create(parallel, engine).outputs))

    def pip_of_first(body: dict[str, Any]) -> None:
        site.install(*body["packages"], "1.0")
        if body == {"packages": ["parallel"]}:
            installed.set()

    def pip_of_second(body: dict[str, Any]) -> None:
        if body == {"packages": ["failing"]}:
            site.remove("failing")
            thread.start()
            installed.wait(0.5)

    servers[HOSTS[0]].pip, servers[HOSTS[1]].pip = pip_of_first, pip_of_second
    with pytest.raises(ResourceError, match="failing is not installed"):
        PACKAGES.create(failing, engine)
    thread.join()

    assert outputs == [{"installed": {"parallel": "1.0"}}]
    assert not [request for server in servers.values() for request in server.requests if "sweeper" in request]
