"""Package sets: installed, then verified, since the server says success either way."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from pulumi_influxdb3_engine.logic.configuration import Configuration
from pulumi_influxdb3_engine.logic.inputs import UNKNOWN, InvalidInputs
from pulumi_influxdb3_engine.logic.package_set import PackageSetInputs, PackageSetLogic
from pulumi_influxdb3_engine.logic.resource import Difference, ResourceError

if TYPE_CHECKING:
    from fake_server import FakeServer

PACKAGES = PackageSetLogic()
INSTALLED = {"pytest": importlib.metadata.version("pytest")}  # the probe runs in the interpreter of the tests


def packages(*names: Any, **properties: Any) -> PackageSetInputs:
    given = {"packages": list(names)} if names else {}
    return PACKAGES.check(PackageSetInputs.checked(given | properties), Configuration())


def test_packages_are_installed_and_then_looked_up(server: FakeServer) -> None:
    created = PACKAGES.create(packages("PyTest>=7"), server.engine())

    assert created.outputs == {"installed": INSTALLED}
    assert server.requests[0] == "install packages"
    assert server.bodies[0] == {"packages": ["PyTest>=7"]}
    assert server.requests[-1] == "probe"


def test_what_pip_did_not_install_is_named_although_the_server_says_success(server: FakeServer) -> None:
    with pytest.raises(ResourceError) as failed:
        PACKAGES.create(packages("pytest<1", "no-such-distribution"), server.engine())

    version = INSTALLED["pytest"]
    assert f"pytest is installed in version {version}, not <1; no-such-distribution is not installed" in str(
        failed.value
    )


def test_requirements_are_uploaded_and_installed_by_their_absolute_path(server: FakeServer) -> None:
    text = 'pytest>=7 \\\n  --hash=sha256:aa\nno-such; sys_platform == "win32"\n'
    created = PACKAGES.create(packages(requirements=text), server.engine())

    location = server.bodies[server.requests.index("install requirements")]["requirements_location"]
    assert location.startswith(f"{server.plugin_directory}/.pulumi/requirements_")
    assert server.file(location) == text
    assert created.outputs == {"installed": INSTALLED}


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (
            "Package installation has been disabled. Contact your administrator for more information.",
            "The operator has switched installation off",
        ),
        ("", "It needs an admin token"),
    ],
)
def test_a_server_that_does_not_install_says_what_an_operator_can_do(
    server: FakeServer, text: str, remedy: str
) -> None:
    server.failures["install packages"] = [httpx.Response(403, text=text)]

    with pytest.raises(ResourceError, match="packages were not installed") as refused:
        PACKAGES.create(packages("pytest"), server.engine())
    assert remedy in str(refused.value)


def test_an_installation_whose_answer_was_lost_is_looked_up(server: FakeServer) -> None:
    server.failures["install packages"] = [httpx.ReadTimeout("")]

    assert PACKAGES.create(packages("pytest"), server.engine()).outputs == {"installed": INSTALLED}


def test_an_installation_that_cannot_be_verified_is_an_error(server: FakeServer) -> None:
    server.failures["probe"] = [httpx.Response(500, text="Plugin error: Node not configured with plugin directory")]

    with pytest.raises(ResourceError, match=r"could not be verified: .*Node not configured"):
        PACKAGES.create(packages("pytest"), server.engine())


def test_a_probe_report_that_cannot_be_read_is_an_error(server: FakeServer) -> None:
    answer = {"log_lines": ["INFO: pulumi-probe {]"], "database_writes": {}, "errors": []}
    server.failures["probe"] = [httpx.Response(200, json=answer)]

    with pytest.raises(ResourceError, match="could not be verified: the probe's report cannot be read"):
        PACKAGES.create(packages("pytest"), server.engine())


def test_packages_that_are_there_are_read_as_declared(server: FakeServer) -> None:
    live = PACKAGES.read(packages("pytest"), {}, server.engine())

    assert live is not None
    assert (live.inputs, live.outputs) == (packages("pytest"), {"installed": INSTALLED})


def test_another_version_than_declared_is_read_as_another_requirement(server: FakeServer) -> None:
    live = PACKAGES.read(packages("pytest<1"), {}, server.engine())

    assert live is not None
    assert live.inputs.packages == [f"pytest=={INSTALLED['pytest']}"]


def test_packages_none_of_which_is_there_are_gone(server: FakeServer) -> None:
    assert PACKAGES.read(packages("no-such-distribution"), {}, server.engine()) is None


def test_the_order_of_packages_says_nothing() -> None:
    assert PACKAGES.diff(packages("a", "b"), packages("b", "a")) == Difference(changes=False)
    assert PACKAGES.diff(packages("a"), packages("a", "b")) == Difference(changes=True)
    assert PACKAGES.diff(packages("a"), packages(UNKNOWN)) == Difference(changes=True)


def test_packages_named_no_longer_stay_and_that_is_said(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    PACKAGES.update(packages("pytest", "no-such"), packages("pytest"), server.engine())
    PACKAGES.delete(packages("pytest"), server.engine())

    assert capsys.readouterr().err.splitlines() == [
        "influxdb3: no-such stay installed: the server's API has no way to uninstall packages",
        "influxdb3: pytest stay installed: the server's API has no way to uninstall packages",
    ]


@pytest.mark.parametrize("given", [{}, {"packages": ["a"], "requirements": "a"}])
def test_packages_are_named_in_one_of_two_ways(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputs, match=r"^packages: set exactly one of packages and requirements"):
        packages(**given)


def test_an_empty_list_of_packages_is_refused() -> None:
    with pytest.raises(InvalidInputs, match=r"^packages: the list is empty"):
        packages(packages=[])
