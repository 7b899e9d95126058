"""A plugin that harms its process harms no other run."""

from __future__ import annotations

import os
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest
from runner_bench import Bench, is_running, wait_until

from influxdb3_embedded.runner import PluginFailed

if TYPE_CHECKING:
    from pathlib import Path


def failure(bench: Bench, path: str = "r") -> str:
    with pytest.raises(PluginFailed) as caught:
        bench.call(path)
    return caught.value.text


@pytest.mark.parametrize(
    ("body", "end"),
    [
        ("import os; os._exit(3)", "plugin process exited with status 3"),
        ("import os; os._exit(0)", "plugin process exited with status 0"),
        ("import ctypes; ctypes.string_at(0)", "plugin process was killed by signal SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "plugin process was killed by signal SIGKILL"),
    ],
)
def test_a_plugin_that_ends_its_process_fails_its_run_and_the_next_one_works(bench: Bench, body: str, end: str) -> None:
    bench.request_plugin(f"if not b:\n    {body}\nreturn 'fine'")
    assert end == failure(bench)
    assert ("ERROR", f"error running request plugin: {end}") in bench.rows()
    assert bench.call(body=b"again").body == b"fine"


def test_a_plugin_that_closes_its_socket_fails_its_run(bench: Bench) -> None:
    bench.request_plugin("import os\nif not b:\n    os.closerange(3, 100)\nreturn 'fine'")
    assert failure(bench).startswith("plugin process ")
    assert bench.call(body=b"again").body == b"fine"


def test_a_plugin_that_writes_to_its_socket_fails_its_run(bench: Bench) -> None:
    bench.request_plugin(
        "import os\nif not b:\n"
        "    for descriptor in range(3, 20):\n"
        "        try: os.write(descriptor, b'\\xff' * 100)\n"
        "        except OSError: pass\n"
        "    while True: pass\n"
        "return 'fine'"
    )
    assert failure(bench).startswith("plugin process ")
    assert bench.call(body=b"again").body == b"fine"


def test_a_loop_ends_at_the_time_limit(tmp_path: Path, environment_location: Path) -> None:
    bench = Bench(tmp_path, environment_location, time_limit=0.3)
    try:
        bench.request_plugin("while not b: pass\nreturn 'fine'")
        assert failure(bench) == "plugin run exceeded its time limit of 0.3 s"
        assert bench.call(body=b"again").body == b"fine"
    finally:
        bench.close()


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "import time; time.sleep(600)",
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    ],
)
def test_stopping_interrupts_a_running_plugin_within_a_second(bench: Bench, body: str) -> None:
    key = bench.request_plugin("import os\ninfluxdb3_local.info(os.getpid())\n" + body)
    running = bench.begin_call()
    wait_until(bench.texts)
    start = time.monotonic()
    bench.do(bench.runner.stop_trigger(key))
    assert time.monotonic() - start < 1.0
    with pytest.raises(PluginFailed, match="request handler for trigger down"):
        running.result(1)
    assert not is_running(int(bench.texts()[0]))


def test_an_interrupted_plugin_can_clean_up(bench: Bench) -> None:
    key = bench.request_plugin(
        "import time\n"
        "try:\n    influxdb3_local.info('running'); time.sleep(600)\n"
        "except KeyboardInterrupt as error: influxdb3_local.warn('cleaned up after', error)"
    )
    bench.begin_call()
    wait_until(bench.texts)
    bench.do(bench.runner.stop_trigger(key))
    expected = "cleaned up after influxdb3 is shutting down; aborting plugin execution"
    assert expected in bench.texts(level="WARN")


def test_two_plugins_do_not_wait_for_each_other(bench: Bench) -> None:
    bench.request_plugin("influxdb3_local.info('in')\nwhile True: pass", name="stuck")
    bench.request_plugin("return 'fine'", name="other")
    bench.begin_call("stuck")
    wait_until(lambda: bench.texts("stuck"))
    assert bench.call("other").body == b"fine"


def test_a_forked_child_that_returns_is_not_taken_for_the_plugin(bench: Bench) -> None:
    bench.request_plugin(
        "import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\nreturn 'child' if pid == 0 else 'parent'"
    )
    assert [bench.call().body for _ in range(3)] == [b"parent"] * 3


def test_a_forked_child_cannot_use_influxdb3_local(bench: Bench) -> None:
    bench.request_plugin(
        "import os\nread, write = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    try: influxdb3_local.info('from the child')\n"
        "    except RuntimeError as error: os.write(write, str(error).encode())\n"
        "    os._exit(0)\n"
        "return os.read(read, 1000).decode()"
    )
    assert bench.call().body == b"influxdb3_local cannot be used in a process that the plugin forked"
    assert bench.texts() == []


def test_printed_lines_are_in_the_engines_log_under_the_triggers_name(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "influxdb3_embedded.runner.processes.printed_lines")
    bench.request_plugin(
        "import os, sys\nprint('to stdout')\nprint('to stderr', file=sys.stderr)\n"
        "os.system('echo from a shell')\nprint('no end', end='')\nreturn 'fine'"
    )
    assert bench.call().body == b"fine"
    bench.do(bench.runner.stop_trigger(next(iter(bench.runner._triggers))))
    expected = ["r: to stdout", "r: to stderr", "r: from a shell", "r: no end"]
    wait_until(lambda: [record.getMessage() for record in caplog.records] == expected)


def test_runs_go_on_after_the_zygote_was_killed(bench: Bench) -> None:
    bench.request_plugin("import os\nreturn str(os.getppid())")
    zygote = int(bench.call().body)
    os.kill(zygote, signal.SIGKILL)
    wait_until(lambda: not is_running(zygote))
    wait_until(lambda: _next_answer(bench) not in (None, zygote))


def _next_answer(bench: Bench) -> int | None:
    try:
        return int(bench.call().body)
    except PluginFailed:
        return None  # a worker died with the zygote


def test_runs_go_on_after_the_environment_was_deleted(tmp_path: Path) -> None:
    location = tmp_path / "venv"
    (tmp_path / "plugins").mkdir()
    bench = Bench(tmp_path / "plugins", location)
    try:
        bench.request_plugin("import os\nreturn str(os.getppid())")
        zygote = int(bench.call().body)
        shutil.rmtree(location)
        os.kill(zygote, signal.SIGKILL)
        wait_until(lambda: _next_answer(bench) not in (None, zygote))
        assert (location / "bin" / "python").exists()
    finally:
        bench.close()


def test_the_runner_ends_running_plugins_when_it_stops(tmp_path: Path, environment_location: Path) -> None:
    bench = Bench(tmp_path, environment_location)
    bench.request_plugin("import os\ninfluxdb3_local.info(os.getpid(), os.getppid())\nwhile True: pass", run_async=True)
    for _ in range(3):
        bench.begin_call()
    wait_until(lambda: len(bench.texts()) == 3)
    start = time.monotonic()
    bench.close()
    assert time.monotonic() - start < 2.0
    assert not any(is_running(int(pid)) for text in bench.texts() for pid in text.split())


def test_an_environment_that_cannot_be_made_fails_the_run_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bench = Bench(tmp_path, tmp_path / "file" / "venv")
    try:
        bench.request_plugin("return 'fine'")
        assert failure(bench).startswith("plugin process could not be started: ")
    finally:
        bench.close()
