"""Installations show no secrets in processes, files, answers or the log."""

from __future__ import annotations

import http.server
import os
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from runner_bench import is_running, wait_until
from wheels import wheel

from influxdb3_embedded.testing import RunningEngine, start_engine
from influxdb3_engine_api import BadRequest, paths

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "hunter2secret"
SETUP = """\
import os, subprocess, sys
from setuptools import setup
{body}
setup(name="sample", version="1.0")
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    secrets = {"AWS_SECRET_ACCESS_KEY": SECRET, "PIP_NO_BUILD_ISOLATION": "1"}
    with start_engine(tmp_path_factory.mktemp("engine"), environment=secrets) as running:
        yield running


class Index(http.server.ThreadingHTTPServer):
    """An index of packages that requires a password, and answers when the test lets it."""

    def __init__(self, package: Path) -> None:
        self.asked, self.may_answer = threading.Event(), threading.Event()
        self.authorized: list[bool] = []
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                authorized = self.headers.get("authorization") is not None or "key=" in self.path
                index.authorized.append(authorized)
                if not authorized:
                    self.send_response(401)
                    self.send_header("www-authenticate", "Basic realm=index")
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                index.asked.set()
                index.may_answer.wait(30)
                path = self.path.split("?")[0]
                body = (
                    package.read_bytes()
                    if path.endswith(".whl")
                    else f'<a href="/{package.name}">{package.name}</a>'.encode()
                )
                self.send_response(200 if path.endswith(".whl") or path == "/simple/sample/" else 404)
                self.send_header("content-type", "application/zip" if path.endswith(".whl") else "text/html")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server_port}"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index(wheel(tmp_path, "sample", "1.0")) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.may_answer.set()
        server.shutdown()
        thread.join()


def command_lines() -> str:
    lines = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                lines.append((process / "cmdline").read_text(errors="replace"))
            except OSError:
                continue
    return "\n".join(lines)


def files_with(secret: str, *places: Path) -> list[Path]:
    return [
        path
        for place in places
        for path in place.rglob("*")
        if path.is_file() and not path.is_symlink() and secret.encode() in path.read_bytes()
    ]


ORDERS = [
    ["sample @ http://user:{secret}@{host}/sample-1.0-py3-none-any.whl"],
    ["http://{secret}@{host}/sample-1.0-py3-none-any.whl"],
    ["http://{host}/sample-1.0-py3-none-any.whl?key={secret}"],
    ["--index-url", "http://user:{secret}@{host}/simple", "sample"],
    ["--extra-index-url=http://user:{secret}@{host}/simple", "--index-url=http://x:{secret}@{host}/simple", "sample"],
]


@pytest.mark.parametrize(
    ("order", "end"),
    [
        *((order, "installed") for order in ORDERS),
        *((ORDERS[at], end) for at in (0, 3) for end in ("refused", "killed")),
    ],
)
def test_credentials_of_a_url_are_in_no_process_file_answer_or_log(
    engine: RunningEngine, index: Index, order: list[str], end: str
) -> None:
    last = "sample<1" if end == "refused" else "--no-deps"
    arguments = [each.format(secret=SECRET, host=index.host) for each in [*order, "--force-reinstall", last]]
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(
            httpx.post, f"{engine.url}{paths.INSTALL_PACKAGES}", json={"packages": arguments}, timeout=120
        )
        assert index.asked.wait(60), answer.result()
        assert SECRET not in command_lines()
        if end == "killed":
            for pid in installers():
                os.kill(pid, signal.SIGKILL)
        index.may_answer.set()
        result = answer.result()
    assert (result.status_code == 200) is (end == "installed"), result.text
    assert SECRET not in result.text
    assert SECRET not in engine.logs
    # pip's own record of where a distribution came from keeps the query of its URL
    assert [path for path in files_with(SECRET, engine.directory) if path.name != "direct_url.json"] == []


def installers() -> list[int]:
    return [
        int(process.name)
        for process in Path("/proc").iterdir()
        if process.name.isdigit() and b"installer" in cmdline(process)
    ]


def cmdline(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


GIT = """\
#!/bin/sh
echo "$@" >> "$PLUGIN_DIR/git-arguments"
if [ "$1" = version ]; then echo git version 2.40.0; exit; fi
printf 'protocol=http\nhost=127.0.0.1:1\n\n' | "$REAL_GIT" credential fill >> "$PLUGIN_DIR/git-credentials"
exit 1
"""


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_reads_credentials_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text(GIT)
    (tmp_path / "bin" / "git").chmod(0o755)
    environment = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "REAL_GIT": str(shutil.which("git"))}
    with start_engine(tmp_path, environment=environment, plugin_env=["REAL_GIT"]) as engine:
        with pytest.raises(BadRequest):
            engine.client.install_packages([f"git+http://me:{SECRET}@127.0.0.1:1/sample.git"])
        assert "clone" in (engine.plugin_dir / "git-arguments").read_text()
        assert files_with(SECRET, tmp_path) == [engine.plugin_dir / "git-credentials"]
        assert f"username=me\npassword={SECRET}\n" in (engine.plugin_dir / "git-credentials").read_text()


def test_a_requirements_file_may_have_credentials(engine: RunningEngine, index: Index) -> None:
    index.may_answer.set()
    engine.client.create_plugin_file("secret.txt", f"http://user:{SECRET}@{index.host}/missing.tar.gz?key={SECRET}\n")
    with pytest.raises(BadRequest) as refused:
        engine.client.install_requirements("secret.txt")
    assert SECRET not in str(refused.value)
    assert files_with(SECRET, engine.directory) == [engine.plugin_dir / "secret.txt"]
    assert (engine.plugin_dir / "secret.txt").stat().st_mode & 0o777 == 0o600


def source(engine: RunningEngine, name: str, body: str) -> None:
    engine.client.create_plugin_file(f"{name}/setup.py", SETUP.format(body=body))


@pytest.fixture(scope="module")
def build_tools(engine: RunningEngine) -> None:
    engine.client.install_packages(["setuptools"])


@pytest.mark.usefixtures("build_tools")
def test_code_of_a_package_sees_neither_the_engines_environment_nor_its_descriptors(engine: RunningEngine) -> None:
    source(
        engine,
        "sees",
        "fds = [os.path.realpath(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd')]\n"
        "open(os.environ['PLUGIN_DIR'] + '/seen', 'w').write(repr(dict(os.environ)) + repr(fds))",
    )
    engine.client.install_packages([str(engine.plugin_dir / "sees"), "--force-reinstall"])
    seen = (engine.plugin_dir / "seen").read_text()
    assert SECRET not in seen
    assert "catalog" not in seen
    assert "socket:" not in seen


@pytest.mark.usefixtures("build_tools")
def test_processes_of_a_package_build_end_with_pip(engine: RunningEngine) -> None:
    source(
        engine,
        "starts",
        "null = subprocess.DEVNULL\n"
        "p = subprocess.Popen(['setsid', 'sleep', '600'], stdin=null, stdout=null, stderr=null)\n"
        "open(os.environ['PLUGIN_DIR'] + '/pids', 'a').write(f'{p.pid} ')",
    )
    engine.client.install_packages([str(engine.plugin_dir / "starts"), "--force-reinstall"])
    pids = [int(pid) for pid in (engine.plugin_dir / "pids").read_text().split()]
    assert pids
    assert not any(map(is_running, pids))


@pytest.fixture
def outside(engine: RunningEngine, tmp_path: Path) -> Path:
    outside = tmp_path / "outside.txt"
    outside.write_text(f"{SECRET}:*:19000\n")
    (engine.plugin_dir / "link.txt").unlink(missing_ok=True)
    (engine.plugin_dir / "link.txt").symlink_to(outside)
    (engine.plugin_dir / ".venv" / "pip.conf").write_text(f"[{SECRET}]\n")
    return outside


@pytest.mark.parametrize(
    "location",
    [
        "{outside}",
        "link.txt",
        "./link.txt",
        "../{up}",
        "x/../../{up}",
        "file://{outside}",
        "FILE://{outside}",
        "file:{outside}",
        ".venv/pip.conf",
        "./.venv/../.venv/pip.conf",
        "{plugins}/.venv/pip.conf",
        "{plugins}/../{up}",
        "/etc/shadow",
        "/proc/self/environ",
    ],
)
def test_requirements_outside_the_plugin_directory_are_refused_and_not_quoted(
    engine: RunningEngine, outside: Path, location: str
) -> None:
    up = os.path.relpath(outside, engine.plugin_dir)[3:]
    with pytest.raises(BadRequest, match=r"is outside the plugin directory|No such file") as refused:
        engine.client.install_requirements(location.format(outside=outside, plugins=engine.plugin_dir, up=up))
    assert SECRET not in str(refused.value)
    assert "root:" not in str(refused.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-r", "{outside}"],
        ["--requirement=file://{outside}"],
        ["-qc{plugins}/link.txt", "setuptools"],
        ["-r", "{plugins}/nested.txt"],
        ["-r", "{plugins}/constrained.txt"],
    ],
)
def test_requirements_outside_the_plugin_directory_are_read_by_no_option(
    engine: RunningEngine, outside: Path, arguments: list[str]
) -> None:
    engine.client.create_plugin_file("nested.txt", "-r .venv/pip.conf\n")
    engine.client.create_plugin_file("constrained.txt", f"--constraint=file://{outside}\nsetuptools\n")
    with pytest.raises(BadRequest, match="requirements file outside the plugin directory") as refused:
        engine.client.install_packages([each.format(outside=outside, plugins=engine.plugin_dir) for each in arguments])
    assert SECRET not in str(refused.value)


def test_requirements_in_the_plugin_directory_are_installed_by_either_path(
    engine: RunningEngine, tmp_path: Path
) -> None:
    package = wheel(tmp_path, "sample", "2.0")
    engine.client.create_plugin_file("deep/inner.txt", f"{package}\n")
    engine.client.create_plugin_file("deep/outer.txt", "-r inner.txt\n")
    engine.client.install_requirements("deep/outer.txt")
    engine.client.install_requirements(str(engine.plugin_dir / "deep" / "outer.txt"))


def test_an_engine_that_is_killed_leaves_no_credentials(tmp_path: Path, index: Index) -> None:
    with start_engine(tmp_path) as engine:
        url = f"http://user:{SECRET}@{index.host}/sample-1.0-py3-none-any.whl"
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(
                httpx.post, f"{engine.url}{paths.INSTALL_PACKAGES}", json={"packages": [url]}, timeout=60
            )
            assert index.asked.wait(60)
            engine.kill()
            with pytest.raises(httpx.HTTPError):
                answer.result()
        index.may_answer.set()
        wait_until(lambda: not any(str(tmp_path).encode() in cmdline(Path(f"/proc/{pid}")) for pid in installers()))
        time.sleep(0.1)
    assert files_with(SECRET, tmp_path) == []
