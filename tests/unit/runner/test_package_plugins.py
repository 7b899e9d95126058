"""Plugins in directories, and packages that are installed while triggers run (contract 4.2 and 9)."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from runner_bench import Bench

from influxdb3_embedded.runner import InstallFailed, PluginFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INIT = """\
from .util import name
from . import state
def process_request(influxdb3_local, q, h, b, args=None):
    state.calls += 1
    return [name(), state.calls, __name__]
"""


@pytest.fixture
def package(bench: Bench) -> Bench:
    bench.plugin("deep/mine/__init__.py", INIT)
    bench.plugin("deep/mine/util.py", "def name():\n    return 'one'\n")
    bench.plugin("deep/mine/state.py", "calls = 0\n")
    bench.trigger("r", "deep/mine/", "request:r")
    return bench


def answer(bench: Bench) -> list[object]:
    found: list[object] = json.loads(bench.call().body)
    return found


def test_a_package_is_imported_once_and_keeps_its_state(package: Bench) -> None:
    assert [answer(package) for _ in range(2)] == [["one", 1, "mine"], ["one", 2, "mine"]]


def test_the_parent_directory_is_on_the_path_only_during_the_import(bench: Bench) -> None:
    bench.plugin(
        "p/__init__.py", "import sys\nduring = sys.path[0]\ndef process_request(*_): return [during, sys.path[0]]"
    )
    bench.trigger("r", "p", "request:r")
    during, later = answer(bench)
    assert during == str(bench.plugins)
    assert later != during


def test_a_changed_module_is_imported_by_the_next_run(package: Bench) -> None:
    answer(package)
    package.plugin("deep/mine/util.py", "def name():\n    return 'two'\n")
    assert answer(package) == ["two", 1, "mine"]


def test_a_replaced_directory_is_imported_by_the_next_run(package: Bench) -> None:
    answer(package)
    contents = [("__init__.py", INIT), ("util.py", "def name(): return 'new'"), ("state.py", "calls = 10")]
    package.do(package.directory.replace_directory("deep/mine/", contents))
    assert answer(package) == ["new", 11, "mine"]


def test_a_package_whose_directory_is_gone_stays_in_use(package: Bench) -> None:
    answer(package)
    (package.plugins / "deep/mine").rename(package.plugins / "elsewhere")
    assert answer(package) == ["one", 2, "mine"]


def test_a_failed_import_logs_its_traceback_and_is_tried_again(package: Bench) -> None:
    package.plugin("deep/mine/util.py", "import no_such_module")
    with pytest.raises(PluginFailed) as caught:
        package.call()
    assert caught.value.text == (
        "Failed to import plugin module 'mine': ModuleNotFoundError: No module named 'no_such_module'\n"
        "Hint: Check for syntax errors or missing dependencies in Python files."
    )
    assert f'  File "{package.plugins}/deep/mine/util.py", line 1, in <module>' in package.texts(level="ERROR")
    package.plugin("deep/mine/util.py", "def name(): return 'mended'")
    assert answer(package) == ["mended", 1, "mine"]


def test_a_package_named_like_a_loaded_library_does_not_replace_it(bench: Bench) -> None:
    bench.plugin("json/__init__.py", "def process_request(*_): return 'x'")
    bench.trigger("r", "json", "request:r")
    with pytest.raises(PluginFailed, match="the process_request function is not present in the plugin"):
        bench.call()


@pytest.fixture
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel made by hand, so that nothing is downloaded."""
    wheel = tmp_path_factory.mktemp("wheels") / "sample_library-1.0-py3-none-any.whl"
    info = "sample_library-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("sample_library.py", "answer = 42\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: sample-library\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture
def own_environment(tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "plugins").mkdir()
    bench = Bench(tmp_path / "plugins", tmp_path / "venv")
    yield bench
    bench.close()


def install(bench: Bench, *arguments: str) -> None:
    bench.begin(bench.environment.install(arguments)).result(120)


def test_an_installed_package_is_there_in_the_next_run_and_cached_values_stay(
    own_environment: Bench, distribution: Path
) -> None:
    bench = own_environment
    bench.request_plugin(
        "cache = influxdb3_local.cache\nn = cache.get('n', 0) + 1\n"
        "cache.put('n', n)\ncache.put('unpicklable', lambda: 1)\n"
        "try:\n    import sample_library\n    return [n, sample_library.answer]\n"
        "except ImportError:\n    return [n, None]"
    )
    assert answer(bench) == [1, None]
    install(bench, str(distribution))
    assert answer(bench) == [2, 42]
    generation = bench.environment.generation
    install(bench, "sample-library")
    assert bench.environment.generation == generation  # already there: no process is replaced for it


def test_an_install_that_fails_raises_pips_last_lines(own_environment: Bench) -> None:
    with pytest.raises(InstallFailed, match=r"no_such_file\.whl"):
        install(own_environment, "./no_such_file.whl")
    with pytest.raises(InstallFailed, match="no such option"):
        install(own_environment, "--no-such-option")
    assert own_environment.environment.generation == 0
