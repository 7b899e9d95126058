"""Package sets: installed, then verified, since the server says success either way."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import InvalidInputs, ResourceError
from influxdb3_engine_resources.inputs import UNKNOWN
from influxdb3_engine_resources.packages.package_set import PackageSetInputs, PackageSetLogic
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.resource import Difference

if TYPE_CHECKING:
    from fake_server import FakeServer
    from site_packages import SitePackages

PACKAGES = PackageSetLogic()
INSTALLED = {"pytest": importlib.metadata.version("pytest")}  # the probe runs in the interpreter of the tests


def packages(*names: Any, program: Program | None = None, **properties: Any) -> PackageSetInputs:
    given = {"packages": list(names)} if names else {}
    return PACKAGES.check(PackageSetInputs.checked(given | properties), program or Program(Configuration()))


def test_packages_are_installed_and_then_looked_up(server: FakeServer) -> None:
    created = PACKAGES.create(packages("PyTest>=7"), server.engine())

    assert created.outputs == {"installed": INSTALLED}
    assert server.requests[0] == "install packages"
    assert server.bodies[0] == {"packages": ["PyTest>=7"]}
    assert server.requests[-1] == "probe"


def test_a_stack_that_adopts_installs_only_what_is_missing(server: FakeServer) -> None:
    engine = server.engine(adopt=True)
    PACKAGES.check_online(packages("pytest>=7"), None, engine)
    created = PACKAGES.create(packages("pytest>=7"), engine)

    assert created.outputs == {"installed": INSTALLED}
    assert all(each == "probe" or each.startswith("write .pulumi/probe_") for each in server.requests)

    with pytest.raises(ResourceError, match="no-such-distribution is not installed"):
        PACKAGES.create(packages("no-such-distribution"), engine)
    assert "install packages" in server.requests


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
            "The operator has disabled installations",
        ),
        ("", "The server wants an admin token"),
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

    with pytest.raises(ResourceError, match="could not be verified: the report of the probe on the server is invalid"):
        PACKAGES.create(packages("pytest"), server.engine())


def test_packages_that_are_there_are_read_as_declared(server: FakeServer) -> None:
    live = PACKAGES.read(packages("pytest"), {}, server.engine())

    assert live is not None
    assert (live.inputs, live.outputs) == (packages("pytest"), {"installed": INSTALLED})


def test_another_version_than_declared_is_read_as_another_requirement(server: FakeServer) -> None:
    live = PACKAGES.read(packages("pytest<1"), {}, server.engine())

    assert live is not None
    assert live.inputs.packages == [f"pytest=={INSTALLED['pytest']}"]


def test_a_set_without_any_installed_package_is_gone(server: FakeServer) -> None:
    assert PACKAGES.read(packages("no-such-distribution"), {}, server.engine()) is None


def test_the_order_of_packages_does_not_matter() -> None:
    assert PACKAGES.diff(packages("a", "b"), packages("b", "a")) == Difference(
        changes=False, delete_before_replace=True
    )
    assert PACKAGES.diff(packages("a"), packages("a", "b")) == Difference(changes=True, delete_before_replace=True)
    assert PACKAGES.diff(packages("a"), packages(UNKNOWN)) == Difference(changes=True, delete_before_replace=True)


def test_packages_that_are_not_declared_any_more_stay_with_a_notice(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    PACKAGES.update(packages("pytest", "no-such"), packages("pytest"), server.engine())
    PACKAGES.delete(packages("pytest"), server.engine())

    stay = "stay installed, since the server's API cannot uninstall packages; retain=False uninstalls them on destroy"
    assert capsys.readouterr().err.splitlines() == [f"influxdb3: no-such {stay}", f"influxdb3: pytest {stay}"]


def test_packages_that_another_set_needs_stay(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    engine = server.engine()
    packages("no-such", set_name="other", program=engine.program)

    PACKAGES.delete(packages("No.Such", delete_on_destroy=True, set_name="mine"), engine)

    assert server.requests == []
    assert "no-such stay installed: another PackageSet of this program needs them" in capsys.readouterr().err


def test_a_new_value_of_reinstall_installs_what_is_there_already(server: FakeServer, site: SitePackages) -> None:
    engine = server.engine()
    old, new = packages("ours", reinstall=1), packages("ours", reinstall=2)
    server.pip = lambda _body: site.install("ours", "1.0")

    assert PACKAGES.diff(old, new).changes
    PACKAGES.update(old, new, engine)

    assert server.bodies[server.requests.index("install packages")] == {"packages": ["--force-reinstall", "ours"]}


def test_a_new_value_of_reinstall_reinstalls_a_requirements_file(server: FakeServer, site: SitePackages) -> None:
    old, new = (packages(requirements="ours", reinstall=value) for value in (None, "now"))
    server.pip = lambda _body: site.install("ours", "1.0")

    PACKAGES.update(old, new, server.engine())

    options = server.bodies[server.requests.index("install packages")]["packages"]
    assert options[:2] == ["--force-reinstall", "-r"]
    assert options[2].startswith(f"{server.plugin_directory}/.pulumi/requirements_")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a==1.0", "A==2.0"),
        ("a==1.0", "a>1"),
        ("a>=2", "a<2"),
        ("a==1.*", "a>=2"),
        ("a~=1.4", "a<1.4"),
        ("a!=1.0,<=1.0,>=1.0", "a"),
    ],
)
def test_two_sets_that_contradict_each_other_are_refused_during_preview(one: str, other: str) -> None:
    program = Program(Configuration())
    packages(one, set_name="first", program=program)

    with pytest.raises(InvalidInputs, match=r"^packages: .* cannot be installed together with .*PackageSet 'first'"):
        packages(other, set_name="second", program=program)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a==1.0", "a>=1"),
        ("a>=1.5", "a<2"),
        ("a>1.0", "a<1.0.1"),
        ("a<2", "a!=1.9"),
        ("a==1.*", "a>1.5"),
        ("a>=2.0rc1", "a<=2.0rc1"),
        ("a==1", "b==2"),
        ("a", "a==3"),
        ("a==1; python_version < '3.9'", "a==2; python_version >= '3.9'"),
        ("a @ https://files.example/a-1-py3-none-any.whl", "a==2"),
    ],
)
def test_two_sets_without_a_contradiction_are_accepted(one: str, other: str) -> None:
    program = Program(Configuration())
    packages(one, set_name="first", program=program)
    packages(other, set_name="second", program=program)


def test_a_set_that_is_checked_again_does_not_conflict_with_itself() -> None:
    program = Program(Configuration())
    for _ in range(2):
        packages("a==1", set_name="mine", program=program)

    assert program.packages.others("mine", packages("a==1").asked) == []


def test_sets_of_one_name_in_different_components_differ() -> None:
    program = Program(Configuration())
    packages("a==1", set_name="packages", program=program)

    with pytest.raises(InvalidInputs, match="cannot be installed together with a==1 of PackageSet 'packages'"):
        packages("a==2", set_name="packages", program=program)


def test_the_output_of_pip_is_part_of_the_error(server: FakeServer) -> None:
    said = "Processing engine error: error installing python packages: ERROR: No matching distribution found for a"
    server.failures["install packages"] = [httpx.Response(400, json={"error": said})]

    with pytest.raises(ResourceError, match=r"packages were not installed: .*No matching distribution found for a"):
        PACKAGES.create(packages("a"), server.engine())


def test_a_server_without_pip_says_what_an_operator_can_do(server: FakeServer) -> None:
    text = "Processing engine error: error installing python packages: Plugin environment management is disabled"
    server.failures["install packages"] = [httpx.Response(500, text=text)]

    with pytest.raises(ResourceError, match=r"management is disabled\. The server has no plugin directory"):
        PACKAGES.create(packages("a"), server.engine())


@pytest.mark.parametrize("given", [{}, {"packages": ["a"], "requirements": "a"}])
def test_packages_are_named_in_one_of_two_ways(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputs, match=r"^packages: set one of packages and requirements, not both"):
        packages(**given)


def test_an_empty_list_of_packages_is_refused() -> None:
    with pytest.raises(InvalidInputs, match=r"^packages: the list is empty"):
        packages(packages=[])


def test_what_another_set_of_the_deployment_has_just_installed_is_not_uninstalled(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = server.engine()
    PACKAGES.create(packages("pytest", delete_on_destroy=True), engine)

    PACKAGES.delete(packages("pytest", delete_on_destroy=True), engine)

    assert "sweeper" not in server.requests
    assert "pytest stay installed" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "# nothing\n\n"])
def test_requirements_without_a_package_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputs, match=r"^requirements: the text names no package"):
        packages(requirements=text)
