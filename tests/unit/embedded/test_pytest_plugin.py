"""The pytest plugin and the helpers for users' tests of plugins (``examples/plugin_tests`` uses them)."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from influxdb3_embedded.testing.plugin_tests import PluginTestEngine, TimedOut, fresh_engine
from influxdb3_engine_api import ErrorBehavior

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[3]
PLUGIN = PROJECT / "examples" / "plugin_tests" / "plugins" / "temperature_alert.py"
REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginTestEngine]:
    with fresh_engine(tmp_path_factory.mktemp("bench")) as engine:
        yield engine


def pytest_run(directory: Path, test: str, setting: str = "addopts=") -> subprocess.CompletedProcess[str]:
    # imported by name, so that the distribution need not be installed
    (directory / "conftest.py").write_text("from influxdb3_embedded.testing.pytest_plugin import influxdb3_engine\n")
    (directory / "test_it.py").write_text(test)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "-o",
        setting,
        str(directory),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_distribution_registers_the_pytest_plugin() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert list(project["entry-points"]["pytest11"].values()) == ["influxdb3_embedded.testing.pytest_plugin"]


def test_pytest_starts_without_importing_anything_of_the_engine() -> None:
    program = "import sys, influxdb3_embedded.testing.pytest_plugin; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    libraries = {"datafusion", "httpx", "influxdb3_engine_api", "pyarrow", "pydantic", "starlette", "uvicorn"}
    assert {name.split(".")[0] for name in run.stdout.split()} & libraries == set()


def test_each_test_has_its_own_engine(tmp_path: Path) -> None:
    test = (
        "import pytest\n"
        "@pytest.mark.parametrize('number', [1, 2])\n"
        "def test_fresh(influxdb3_engine, number):\n"
        "    assert influxdb3_engine.query('SELECT v FROM cpu') == []\n"
        "    influxdb3_engine.write(f'cpu v={number}i')\n"
        "    assert influxdb3_engine.query('SELECT v FROM cpu') == [{'v': number}]\n"
    )
    run = pytest_run(tmp_path, test)
    assert run.returncode == 0, run.stdout
    assert "2 passed" in run.stdout


def test_a_marker_sets_the_variables_of_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "mine")
    monkeypatch.setenv("SECRET", "secret")
    plugin = f"import os\n{REQUEST}    return [os.environ.get(name) for name in ('MINE', 'SECRET')]\n"
    test = (
        "import pytest\n"
        "@pytest.mark.influxdb3_engine(plugin_env=['MINE'])\n"
        "def test_it(influxdb3_engine, tmp_path):\n"
        f"    (tmp_path / 'p.py').write_text({plugin!r})\n"
        "    influxdb3_engine.create_trigger(influxdb3_engine.upload(tmp_path / 'p.py'), 'request:p')\n"
        "    assert influxdb3_engine.client.call_request_trigger('p').json() == ['mine', None]\n"
    )
    run = pytest_run(tmp_path, test)
    assert run.returncode == 0, run.stdout


def test_a_marker_sets_the_flags_of_the_engine(tmp_path: Path) -> None:
    test = (
        "import httpx, pytest\n"
        "@pytest.mark.influxdb3_engine(allow_origin=['http://localhost:3000', 'http://a.example'])\n"
        "def test_allowed(influxdb3_engine):\n"
        "    for origin in ('http://localhost:3000', 'http://a.example'):\n"
        "        assert httpx.get(influxdb3_engine.url + '/health', headers={'origin': origin}).text == 'OK'\n"
    )
    run = pytest_run(tmp_path, test)
    assert run.returncode == 0, run.stdout


def test_missing_rows_fail_the_test_with_the_logs_of_the_triggers(bench: PluginTestEngine) -> None:
    bench.create_trigger(bench.upload(PLUGIN), "table:temperature", name="without limit")
    bench.write("temperature,room=kitchen celsius=31")
    with pytest.raises(TimedOut, match=r"0 rows instead of 1 after 0\.5 s") as caught:
        bench.wait_for_rows("SELECT * FROM alerts", seconds=0.5)
    assert "without limit: ERROR error executing wal plugin: KeyError: 'limit'" in str(caught.value)


def test_missing_runs_fail_the_test(bench: PluginTestEngine) -> None:
    trigger = bench.create_trigger(bench.upload(PLUGIN), "table:elsewhere", name="idle")
    with pytest.raises(TimedOut, match=r"0 runs of idle instead of 1 after 0\.1 s"):
        bench.wait_for_runs(trigger, seconds=0.1)


@pytest.mark.parametrize("body", ["return 'well'", "raise ValueError"])
def test_wait_for_runs_counts_successful_and_failed_runs(bench: PluginTestEngine, body: str, tmp_path: Path) -> None:
    plugin = tmp_path / f"{len(body)}.py"
    plugin.write_text(f"{REQUEST}    {body}\n")
    trigger = bench.create_trigger(bench.upload(plugin), f"request:{plugin.stem}", error_behavior=ErrorBehavior.RETRY)
    for count in (1, 2):
        bench.client.call_request_trigger(plugin.stem)
        bench.wait_for_runs(trigger, count)


def test_a_directory_is_uploaded_without_its_bytecode(bench: PluginTestEngine, tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "inner" / "__pycache__").mkdir(parents=True)
    (package / "__init__.py").write_text(f"from .inner import VALUE\n{REQUEST}    return VALUE\n")
    (package / "inner" / "__init__.py").write_text("VALUE = 'inner'\n")
    (package / "inner" / "__pycache__" / "x.pyc").write_bytes(b"\xff")
    bench.create_trigger(bench.upload(package), "request:package")
    assert bench.client.call_request_trigger("package").text == "inner"
    assert not (bench.plugin_dir / "package" / "inner" / "__pycache__" / "x.pyc").exists()
