"""How an installation goes on around the request for it: next to others, behind a proxy that cuts it, until its end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fake_server import FakeServer, cluster

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.packages import pip_run
from influxdb3_engine_resources.packages.package_set import PackageSetInputs, PackageSetLogic
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.server import retry

if TYPE_CHECKING:
    from pathlib import Path

    from site_packages import SitePackages

PACKAGES = PackageSetLogic()
HOSTS = ("http://a:1", "http://b:1")


def packages(*names: str, url: str = Configuration().host_url, **properties: Any) -> PackageSetInputs:
    given = {"packages": list(names)} if names else {}
    return PACKAGES.check(PackageSetInputs.checked(given | properties), Program(Configuration(host_url=url)))


def test_a_failed_order_keeps_what_a_parallel_one_has_installed(tmp_path: Path, site: SitePackages) -> None:
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


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip_run, "_PAUSES", (0.01,))
    monkeypatch.setattr(retry, "_PAUSES", (0.0,))


LOST = [httpx.Response(504), httpx.Response(502), httpx.Response(503), httpx.ReadError("reset")]


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("fault", LOST, ids=["504", "502", "503", "reset"])
def test_a_pip_that_goes_on_behind_a_lost_answer_is_waited_for(
    server: FakeServer, site: SitePackages, capsys: pytest.CaptureFixture[str], fault: httpx.Response | Exception
) -> None:
    server.failures["install packages"] = [fault]
    timer = threading.Timer(0.2, site.install, ["slow", "1.0"])
    timer.start()

    created = PACKAGES.create(packages("slow"), server.engine())

    timer.join()
    assert created.outputs == {"installed": {"slow": "1.0"}}
    assert server.requests.count("install packages") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "the answer was lost" in said
    assert "waiting up to 600 s for pip to end: slow is not installed" in said


@pytest.mark.usefixtures("_quick")
def test_a_server_that_does_not_answer_while_pip_runs_is_asked_again(server: FakeServer, site: SitePackages) -> None:
    server.failures["install packages"] = [httpx.ReadError("reset")]
    server.failures["probe"] = [httpx.ReadError("reset")] * 6
    site.install("slow", "1.0")

    assert PACKAGES.create(packages("slow"), server.engine()).outputs == {"installed": {"slow": "1.0"}}


@pytest.mark.usefixtures("_quick")
def test_after_a_lost_answer_packages_that_are_not_installed_in_time_are_an_error(server: FakeServer) -> None:
    server.failures["install packages"] = [httpx.Response(504, text="gateway time-out")]

    with pytest.raises(
        ResourceError, match=r"gateway time-out.* pip did not .* in 0\.05 s: slow is not installed\. pip may"
    ):
        PACKAGES.create(packages("slow"), server.engine(package_timeout=0.05))


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("fault", LOST, ids=["504", "502", "503", "reset"])
def test_after_a_lost_answer_waiting_ends_if_no_pip_runs(
    server: FakeServer, site: SitePackages, processes: Path, fault: httpx.Response | Exception
) -> None:
    (processes / "self").mkdir(parents=True)
    server.failures["install packages"] = [fault]

    with pytest.raises(ResourceError, match=r"pip is not running and did not install all .*slow is not"):
        PACKAGES.create(packages("slow"), server.engine())

    server.failures["install packages"] = [fault]
    site.install("ours", "1.0")
    asked = packages(requirements="ours\nhttps://files.example/unverifiable.tar.gz\n")
    assert PACKAGES.create(asked, server.engine()).outputs == {"installed": {"ours": "1.0"}}


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize(
    ("command", "running"),
    [
        ("/v/bin/python3 -m pip install slow", True),
        ("/v/bin/python3 -m ensurepip", True),
        ("/usr/bin/python3 /v/bin/pip3 install slow", True),
        ("/usr/bin/python3 -m pipeline", False),
        ("influxdb3 serve --package-manager pip", False),
    ],
)
def test_a_pip_that_runs_is_waited_for(server: FakeServer, processes: Path, command: str, running: bool) -> None:
    (processes / "self").mkdir(parents=True)
    (processes / "7").mkdir()
    (processes / "7/cmdline").write_text("\0".join([*command.split(), ""]))
    (processes / "8").mkdir()  # has ended meanwhile
    server.failures["install packages"] = [httpx.Response(504)]

    with pytest.raises(ResourceError, match="pip may still be running" if running else "pip is not running"):
        PACKAGES.create(packages("slow"), server.engine(package_timeout=0.3 if running else 60))


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("fault", [LOST[0], LOST[3]], ids=["504", "reset"])
def test_an_uninstallation_whose_answer_is_lost_is_waited_for_and_not_sent_again(
    server: FakeServer, site: SitePackages, fault: httpx.Response | Exception
) -> None:
    site.install("ours", "1.0")
    server.failures["sweeper"] = [fault]
    timer = threading.Timer(0.2, site.remove, ["ours"])
    timer.start()

    PACKAGES.delete(packages("ours", delete_on_destroy=True), server.engine())

    timer.join()
    assert server.requests.count("sweeper") == 1
    assert "probe" in server.requests


@pytest.mark.parametrize("fault", [httpx.ConnectTimeout("refused"), httpx.Response(429), httpx.Response(500)])
def test_a_request_that_started_no_pip_is_not_waited_for(server: FakeServer, fault: httpx.Response | Exception) -> None:
    server.failures["install packages"] = [fault]

    with pytest.raises(ResourceError, match="packages were not installed"):
        PACKAGES.create(packages("slow"), server.engine())
    assert server.requests == ["install packages"]


@pytest.mark.usefixtures("_quick")
def test_a_reinstallation_is_verified_by_a_new_installation_time(server: FakeServer, site: SitePackages) -> None:
    site.install("ours", "1.0")
    old, new = packages("ours"), packages("ours", reinstall=1)
    with pytest.raises(ResourceError, match="ours was not installed again"):
        PACKAGES.update(old, new, server.engine())

    server.failures["install packages"] = [httpx.Response(504)]
    with pytest.raises(ResourceError, match="ours was not installed again"):
        PACKAGES.update(old, new, server.engine(package_timeout=0.05))

    server.pip = lambda _body: site.install("ours", "1.0")
    assert PACKAGES.update(old, new, server.engine()) == {"installed": {"ours": "1.0"}}


@pytest.mark.usefixtures("_quick")
def test_a_lost_answer_about_an_unverifiable_package_is_an_error(server: FakeServer, site: SitePackages) -> None:
    site.install("ours", "1.0")
    server.failures["install packages"] = [httpx.Response(504)]

    with pytest.raises(ResourceError, match="ours cannot be verified"):
        PACKAGES.create(packages("ours @ git+https://git.example/ours"), server.engine(package_timeout=0.05))


def test_an_extra_whose_dependencies_are_absent_is_not_installed(server: FakeServer, site: SitePackages) -> None:
    site.install("other", "1.0", "no-such[x]; extra == 'deep'", "no-such-base")
    site.install(
        "good", "1.0", "Other_[deep]>=1; extra == 'My_Extra'", "good[my-extra]; extra == 'all'", "no-such-base"
    )
    site.install("other_", "1.0", "absent>=2; extra == 'deep'")

    for extra in ("my-extra", "all"):
        with pytest.raises(ResourceError, match=rf"good\[{extra}\] lacks dependencies: absent is not installed"):
            PACKAGES.create(packages(f"good[{extra}]"), server.engine())
    site.install("absent", "1.0")
    with pytest.raises(ResourceError, match=r"absent is installed in version 1\.0, not >=2"):
        PACKAGES.create(packages("good[all]"), server.engine())
    live = PACKAGES.read(packages("good[all]"), {}, server.engine())
    assert live is not None
    assert live.inputs.packages == ["good==1.0"]
    site.install("absent", "2.0")

    server.requests.clear()
    engine = server.engine()
    assert PACKAGES.create(packages("good[all]"), engine).outputs == {"installed": {"good": "1.0"}}
    assert [request.partition("_")[0] for request in server.requests] == [
        "install packages", "write .pulumi/probe", "probe",
    ]  # fmt: skip


def test_another_version_than_that_of_a_wheel_is_not_installed(server: FakeServer, site: SitePackages) -> None:
    url = "https://u:secret@files.example/good-2.0-py3-none-any.whl"
    site.install("good", "1.0")
    for given in ({"packages": [f"good @ {url}"]}, {"requirements": url}, {"requirements": f"good @ {url}"}):
        with pytest.raises(ResourceError, match=r"good is installed in version 1\.0, not (==)?2\.0") as failed:
            PACKAGES.create(packages(**given), server.engine())
        assert "secret" not in str(failed.value)

    site.install("good", "2.0")
    created = PACKAGES.create(packages(requirements=f"{url}#sha256=aa"), server.engine())
    assert created.outputs == {"installed": {"good": "2.0"}}


def test_a_notice_names_packages_that_cannot_be_verified(
    server: FakeServer, site: SitePackages, capsys: pytest.CaptureFixture[str]
) -> None:
    site.install("ours", "1.0")
    text = "# of us\nours @ git+https://u:secret@git.example/ours\n/srv/theirs.tar.gz\n-r more.txt\n"

    created = PACKAGES.create(packages(requirements=text), server.engine())

    assert created.outputs == {"installed": {"ours": "1.0"}}
    said = capsys.readouterr().err
    assert "whether pip installed ours, line 3 of the requirements, line 4 of the requirements is unknown" in said
    assert "secret" not in said


def test_putting_back_is_verified(tmp_path: Path, site: SitePackages) -> None:
    servers = {url: FakeServer(tmp_path) for url in HOSTS}
    site.install("ours", "1.0")

    def pip(body: dict[str, Any]) -> None:
        if body == {"packages": ["ours>=2"]}:
            site.install("ours", "2.0")

    servers[HOSTS[0]].pip = pip
    servers[HOSTS[1]].failures["install packages"] = [httpx.Response(400, text="no")]

    with pytest.raises(ResourceError, match=r"could not be put back everywhere: .*ours is installed in version 2\.0"):
        PACKAGES.create(packages("ours>=2", url=HOSTS[0]), cluster(servers))


@pytest.mark.usefixtures("_quick")
def test_a_server_that_cannot_be_asked_is_an_error_in_a_refresh(server: FakeServer) -> None:
    server.failures["probe"] = [httpx.ReadError("reset")] * 4

    with pytest.raises(EngineApiError, match="reset"):
        PACKAGES.read(packages("pytest"), {}, server.engine())


def requirements_files(server: FakeServer) -> list[str]:
    return [path.read_text() for path in server.plugin_directory.glob(".pulumi/requirements_*")]


def test_a_requirements_file_stays_unless_cleaning_up_is_asked_for(server: FakeServer, site: SitePackages) -> None:
    site.install("ours", "1.0")
    kept = packages(requirements="--index-url=https://u:p@index.example\nours")
    PACKAGES.create(kept, server.engine())
    assert requirements_files(server) == [kept.requirements]

    cleaned = packages(requirements="ours", delete_on_destroy=True)
    PACKAGES.update(kept, cleaned, server.engine())
    assert requirements_files(server) == []

    PACKAGES.create(cleaned, server.engine())
    assert requirements_files(server) == []


def test_the_requirements_file_of_a_failed_installation_is_removed(server: FakeServer) -> None:
    with pytest.raises(ResourceError, match="no-such is not installed"):
        PACKAGES.create(packages(requirements="no-such", delete_on_destroy=True), server.engine())
    assert requirements_files(server) == []


def test_a_requirements_file_that_could_not_be_removed_is_removed_on_destroy(
    server: FakeServer, site: SitePackages, capsys: pytest.CaptureFixture[str]
) -> None:
    site.install("ours", "1.0")
    asked = packages(requirements="ours", delete_on_destroy=True, set_name="mine")
    server.failures["sweeper"] = [httpx.Response(500, text="no clean-up today")]

    assert PACKAGES.create(asked, server.engine()).outputs == {"installed": {"ours": "1.0"}}
    assert requirements_files(server) == ["ours"]
    assert "until the PackageSet is destroyed: the server does not run the clean-up" in capsys.readouterr().err

    engine = server.engine()
    engine.program.packages.declare("other", packages("ours").asked)  # keeps the package
    PACKAGES.delete(asked, engine)
    assert requirements_files(server) == []
