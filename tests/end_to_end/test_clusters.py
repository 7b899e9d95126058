"""Several hosts, each with its own plugin directory and packages: a change reaches all hosts, or is rolled back."""

from __future__ import annotations

import os
import re
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from servers import start_server
from stack import Stack
from wheels import wheel

from influxdb3_embedded.testing import RunningEngine
from influxdb3_engine_api import CreateTrigger
from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.packages.package_set import PackageSetInputs, PackageSetLogic
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.server.engine import Engine
from influxdb3_engine_resources.stack_keys import HostAddress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pulumi_cli import PulumiCli

PACKAGES = PackageSetLogic()
Hosts = tuple[RunningEngine, RunningEngine]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Two engines that install packages only from their own directories ``wheels``."""
    directory = tmp_path_factory.mktemp("hosts")
    with _engine(directory / "first") as first, _engine(directory / "second") as second:
        yield first, second


def _engine(directory: Path) -> AbstractContextManager[RunningEngine]:
    (directory / "wheels").mkdir(parents=True)
    return start_server(
        directory,
        environment={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(directory / "wheels"), "PIP_CONFIG_FILE": os.devnull},
    )


def offer(hosts: Sequence[RunningEngine], name: str, version: str, *requires: str) -> None:
    """Make a distribution available to some hosts."""
    for host in hosts:
        wheel(host.directory / "wheels", name, version, *requires)


@pytest.fixture
def cluster(hosts: Hosts) -> Engine:
    first, second = hosts
    return Engine(Configuration(host_url=first.url, plugin_hosts=(HostAddress(second.url),)))


def packages(
    *entries: str | Path, name: str = "packages", on: Engine | None = None, **properties: object
) -> PackageSetInputs:
    inputs = {"packages": list(map(str, entries)), "set_name": name} | properties
    return PACKAGES.check(PackageSetInputs.checked(inputs), on.program if on else Program(Configuration()))


def installed(inputs: PackageSetInputs, engine: Engine) -> PackageSetInputs:
    """The set as it is on the hosts."""
    found = PACKAGES.read(inputs, {}, engine)
    assert found is not None
    return found.inputs


def versions(engine: Engine, *names: str) -> list[dict[str, str | None]]:
    return [host.probe.ask(distributions=names).distributions for host in engine.hosts]


def test_files_are_written_to_every_host_and_rolled_back_if_one_fails(
    hosts: Hosts, cli: PulumiCli, tmp_path: Path
) -> None:
    config = {"influxdb3:hostUrl": hosts[0].url, "influxdb3:pluginHosts": hosts[1].url}
    stack = Stack(tmp_path / "stack", cli, os.environ, config=config)
    files = [host.plugin_dir / "everywhere" / "p.py" for host in hosts]
    program = 'PluginFile("p", plugin_name="everywhere/p.py", content="x = {number}", delete_on_destroy=True)'
    stack.program(program.format(number=1))
    stack.up()
    assert [file.read_text() for file in files] == ["x = 1"] * 2

    files[1].unlink()
    assert stack.refresh().changes() == "~ 1 updated"
    assert stack.up().changes() == "~ 1 updated"
    assert [file.read_text() for file in files] == ["x = 1"] * 2

    # the second host cannot write the file, since a directory has its name
    files[1].unlink()
    files[1].mkdir()
    stack.program(program.format(number=2))
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert f"{hosts[1].url} failed" in ran.output
    assert "All hosts have the files that they had before" in ran.output
    assert files[0].read_text() == "x = 1"
    files[1].rmdir()
    stack.up()
    assert [file.read_text() for file in files] == ["x = 2"] * 2

    stack.destroy()
    assert not any(file.parent.exists() for file in files)


def test_the_endpoint_url_of_a_pinned_request_trigger_is_on_its_node(
    hosts: Hosts, cli: PulumiCli, tmp_path: Path
) -> None:
    first, second = hosts
    config = {"influxdb3:hostUrl": first.url}
    stack = Stack(tmp_path / "stack", cli, os.environ, config=config)
    for node, host in zip(("first", "second"), hosts, strict=True):
        stack.run("config", "set", "--path", f"influxdb3:pluginHosts.{node}", host.url, expect=0)
        host.client.create_database("pinned")
    code = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return {'answer': 'here'}\n"
    stack.program(
        f"""
        plugin = PluginFile("pinned.py", content={code!r})
        pinned = Trigger("pinned", db="pinned", plugin_filename=plugin.plugin_filename, node_spec=["second"],
                         trigger_specification=request("pinned"))
        pulumi.export("url", pinned.endpoint_url)
        """
    )
    stack.up()
    url = f"{second.url}/api/v3/engine/pinned"
    assert stack.outputs() == {"url": url}
    # unlike nodes of a cluster, the two engines do not share a catalog
    second.client.create_trigger(
        CreateTrigger.model_validate(
            {
                "db": "pinned",
                "plugin_filename": "pinned.py",
                "trigger_name": "pinned",
                "trigger_settings": {"run_async": False, "error_behavior": "log"},
                "trigger_specification": "request:pinned",
                "disabled": False,
            }
        )
    )
    first.client.disable_trigger("pinned", "pinned")

    stack.program(f'pulumi.export("answer", invoke_request("{url}").text)')
    stack.up()

    assert stack.outputs() == {"answer": '{"answer": "here"}'}


def test_packages_are_installed_on_and_uninstalled_from_every_host(cluster: Engine, hosts: Hosts) -> None:
    offer(hosts, "everywhere", "1.0")
    asked = packages("everywhere", delete_on_destroy=True)

    created = PACKAGES.create(asked, cluster)
    assert created.outputs == {"installed": {"everywhere": "1.0"}}
    assert versions(cluster, "everywhere") == [{"everywhere": "1.0"}] * 2

    cluster.hosts[1].sweeper.uninstall(["everywhere"])
    live = PACKAGES.read(asked, created.outputs, cluster)
    assert live is not None
    assert live.inputs.packages == []

    cluster.claimed.clear()  # another deployment
    PACKAGES.delete(asked, cluster)
    assert versions(cluster, "everywhere") == [{"everywhere": None}] * 2


def test_an_installation_that_fails_on_one_host_is_rolled_back_on_the_others(cluster: Engine, hosts: Hosts) -> None:
    offer(hosts, "put_back", "1.0")
    PACKAGES.create(packages("put_back==1.0"), cluster)
    offer(hosts[:1], "put_back", "2.0")
    offer(hosts[:1], "brand_new", "1.0")

    with pytest.raises(ResourceError) as failed:
        PACKAGES.update(packages("put_back==1.0"), packages("put_back==2.0", "brand_new"), cluster)

    assert f"packages were not installed on {hosts[1].url}: " in str(failed.value)
    # a real server answers 200 even if pip failed
    assert "No matching distribution found" in str(failed.value) or "pip ran and did not install all" in str(
        failed.value
    )
    assert str(failed.value).endswith("The versions from before were put back")
    assert versions(cluster, "put-back", "brand-new") == [{"put-back": "1.0", "brand-new": None}] * 2


def test_another_version_on_one_host_is_drift_until_an_update_corrects_it(cluster: Engine, hosts: Hosts) -> None:
    offer(hosts, "drifting", "1.0")
    offer(hosts, "drifting", "2.0")
    asked = packages("drifting==2.0")
    PACKAGES.create(asked, cluster)
    cluster.hosts[1].client.install_packages(["drifting==1.0"])

    first = installed(asked, cluster)
    again = PACKAGES.read(first, {}, cluster)

    assert first.packages == []
    assert again is None or again.inputs.packages == []
    PACKAGES.update(first, asked, cluster)
    assert versions(cluster, "drifting") == [{"drifting": "2.0"}] * 2


def test_an_installation_that_breaks_another_set_is_rolled_back_and_names_that_set(hosts: Hosts) -> None:
    engine = Engine(Configuration(host_url=hosts[0].url))
    offer(hosts, "shared", "1.0")
    offer(hosts, "shared", "2.0")
    offer(hosts, "needy", "1.0", "shared>=2")
    first, second = packages("shared==1.0", name="first", on=engine), packages("needy", name="second", on=engine)
    PACKAGES.create(first, engine)

    with pytest.raises(ResourceError, match=r"PackageSet 'first' needs shared==1\.0: .*version 2\.0"):
        PACKAGES.create(second, engine)
    assert versions(engine, "shared", "needy") == [{"shared": "1.0", "needy": None}]


def test_a_new_value_of_reinstall_installs_the_newest_version(cluster: Engine, hosts: Hosts) -> None:
    offer(hosts, "growing", "1.0")
    PACKAGES.create(packages("growing"), cluster)
    offer(hosts, "growing", "1.1")
    assert PACKAGES.update(packages("growing"), packages("growing>=1"), cluster) == {"installed": {"growing": "1.0"}}

    outputs = PACKAGES.update(packages("growing>=1"), packages("growing>=1", reinstall="today"), cluster)

    assert outputs == {"installed": {"growing": "1.1"}}


def test_a_wheel_on_the_server_is_installed_by_its_path(cluster: Engine, hosts: Hosts) -> None:
    offer(hosts, "by_path", "3.1")
    path = hosts[0].directory / "wheels" / "by_path-3.1-py3-none-any.whl"

    assert PACKAGES.create(packages(path), cluster).outputs == {"installed": {"by-path": "3.1"}}


def test_a_requirements_file_of_wheels_is_verified_with_their_extras(cluster: Engine, hosts: Hosts) -> None:
    offer(hosts, "of_extra", "1.0")
    offer(hosts, "with_extra", "1.0", "of_extra>=1; extra == 'some'")
    offer(hosts, "with_extra", "2.0", "of_extra>=1; extra == 'some'")
    PACKAGES.create(packages("with_extra==1.0"), cluster)
    path = hosts[0].directory / "wheels" / "with_extra-2.0-py3-none-any.whl"
    asked = packages(packages=None, requirements=f"{path}[some]\n")

    assert PACKAGES.create(asked, cluster).outputs == {"installed": {"with-extra": "2.0"}}
    assert versions(cluster, "of-extra") == [{"of-extra": "1.0"}] * 2
    assert installed(asked, cluster) == asked

    cluster.hosts[1].sweeper.uninstall(["of-extra"])
    assert installed(asked, cluster) != asked


def test_a_new_value_of_reinstall_installs_the_same_version_again(cluster: Engine, hosts: Hosts) -> None:
    offer(hosts, "same", "1.0")
    PACKAGES.create(packages("same==1.0"), cluster)
    modules = [next(host.plugin_dir.glob(".venv/lib/*/site-packages/same.py")) for host in hosts]
    for module in modules:
        module.unlink()

    PACKAGES.update(packages("same==1.0"), packages("same==1.0", reinstall="today"), cluster)

    assert all(module.exists() for module in modules)


class ImpatientGateway(httpx.HTTPTransport):
    """Passes an installation on, and answers 504 at once."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if "plugin_environment" not in request.url.path:
            return super().handle_request(request)
        threading.Thread(target=httpx.request, args=(request.method, request.url), kwargs=self.copy(request)).start()
        return httpx.Response(504, text="gateway time-out")

    @staticmethod
    def copy(request: httpx.Request) -> dict[str, Any]:
        headers = {"content-type": request.headers["content-type"]}
        return {"content": request.content, "headers": headers, "timeout": 60}


def test_after_a_gateway_timeout_the_deployment_waits_for_pip(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    engine = Engine(Configuration(host_url=hosts[0].url), ImpatientGateway())
    offer(hosts, "patience", "1.0")

    assert PACKAGES.create(packages("patience", on=engine), engine).outputs == {"installed": {"patience": "1.0"}}
    assert re.search("waiting up to (600|59.) s for pip to end: patience is not installed", capsys.readouterr().err)


class BrokenGateway(httpx.HTTPTransport):
    """Answers 503 to an installation, and does not pass it on."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if "install" not in request.url.path:
            return super().handle_request(request)
        return httpx.Response(503, text="no upstream")


def test_the_deployment_does_not_wait_for_an_installation_that_never_reached_the_server(hosts: Hosts) -> None:
    engine = Engine(Configuration(host_url=hosts[0].url), BrokenGateway())

    with pytest.raises(ResourceError, match=r"no upstream.*pip is not running"):
        PACKAGES.create(packages("nowhere", on=engine), engine)


def test_with_delete_on_destroy_no_host_keeps_the_requirements_file(cluster: Engine, hosts: Hosts) -> None:
    offer(hosts, "tidy", "1.0")
    asked = packages(packages=None, requirements="tidy", delete_on_destroy=True)

    assert PACKAGES.create(asked, cluster).outputs == {"installed": {"tidy": "1.0"}}
    assert not any(path.read_text() == "tidy" for host in hosts for path in host.plugin_dir.glob(".pulumi/require*"))

    cluster.claimed.clear()  # another deployment
    PACKAGES.delete(asked, cluster)
    assert versions(cluster, "tidy") == [{"tidy": None}] * 2
