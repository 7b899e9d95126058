"""Processes that a run starts end with the run; a stopped worker is replaced."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from runner_bench import Bench, is_running, wait_until

from influxdb3_embedded.runner import PluginFailed

CHILD = "import subprocess\nreturn str(subprocess.Popen(['sleep', '600']).pid)"
DAEMON = """\
import subprocess
shell = 'sleep 600 >/dev/null 2>&1 & echo $!'
return subprocess.run(['setsid', 'sh', '-c', shell], capture_output=True, text=True).stdout"""
MANY = """\
import json, os, time
pids = []
for _ in range(300):
    pid = os.fork()
    if pid == 0:
        os.setsid()
        time.sleep(600)
    pids.append(pid)
return json.dumps(pids)"""
DAEMON_OF_A_DAEMON = """\
import json, os, time
read, write = os.pipe()
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            os.write(write, b'%d ' % os.getpid())
            time.sleep(600)
        os._exit(0)
text = b''
while text.count(b' ') < 20: text += os.read(read, 1000)
return json.dumps(text.split(), default=int)"""
WITHOUT_SIGNAL = """\
import ctypes, time
pid = ctypes.CDLL(None).syscall(56, 0, 0, 0, 0, 0)  # clone() without SIGCHLD
if pid == 0: time.sleep(600)
return str(pid)"""
NOT_AS_ORPHANS_OF_THE_WORKER = "import ctypes\nctypes.CDLL(None).prctl(36, 0)\n" + DAEMON
LOOPS = [False, True]


def pids(body: bytes) -> list[int]:
    found = json.loads(body)
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("run_async", LOOPS)
@pytest.mark.parametrize("package", [False, True])
@pytest.mark.parametrize(
    "body", [CHILD, DAEMON, MANY, DAEMON_OF_A_DAEMON], ids=["child", "daemon", "many", "daemon of a daemon"]
)
def test_processes_that_a_run_starts_end_with_the_run(bench: Bench, body: str, run_async: bool, package: bool) -> None:
    lines = "\n    ".join(body.splitlines())
    bench.plugin("p/__init__.py" if package else "p.py", f"def process_request(a, q, h, b, args=None):\n    {lines}\n")
    bench.trigger("r", "p" if package else "p.py", "request:r", run_async=run_async)
    for _ in range(2):
        found = pids(bench.call().body)
        assert found
        assert not any(Path(f"/proc/{pid}").exists() for pid in found)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the number of a system call")
def test_a_child_without_an_exit_signal_ends_with_the_run(bench: Bench) -> None:
    bench.request_plugin(WITHOUT_SIGNAL)
    assert not is_running(int(bench.call().body))


def test_a_daemon_that_the_worker_did_not_adopt_ends_with_the_worker(bench: Bench) -> None:
    key = bench.request_plugin(NOT_AS_ORPHANS_OF_THE_WORKER)
    pid = int(bench.call().body)
    bench.do(bench.runner.stop_trigger(key))
    wait_until(lambda: not is_running(pid))


@pytest.mark.parametrize("killed", ["os.getppid()", "int(open(f'/proc/{os.getppid()}/stat').read().split()[3])"])
def test_a_daemon_ends_if_the_plugin_kills_the_zygote_or_its_guardian(bench: Bench, killed: str) -> None:
    key = bench.request_plugin(
        f"""\
import os, signal, time
{DAEMON.replace("return ", "daemon = ")}
influxdb3_local.info(daemon)
while not os.path.exists(b.decode()): time.sleep(0.01)
os.kill({killed}, signal.SIGKILL)
time.sleep(60)"""
    )
    running = bench.begin_call(body=str(bench.plugins / "go").encode())
    wait_until(bench.texts)
    pid = int(bench.texts()[0])
    assert is_running(pid)
    (bench.plugins / "go").touch()
    with pytest.raises(PluginFailed, match="plugin process was killed by signal SIGKILL"):
        running.result(10)
    wait_until(lambda: not is_running(pid))
    bench.do(bench.runner.stop_trigger(key))


def test_processes_that_keep_starting_others_end(bench: Bench) -> None:
    bench.request_plugin(
        "import os, time\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        while os.fork() == 0: pass\n"
        "        os._exit(0)\n"
        "time.sleep(0.2)\n"
        "return str(os.getpid())"
    )
    worker = int(bench.call().body)
    time.sleep(0.2)
    assert children_of(worker) == []


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize("run_async", LOOPS)
def test_a_run_that_is_killed_at_its_time_limit_leaves_no_processes(
    tmp_path: Path, environment_location: Path, run_async: bool
) -> None:
    bench = Bench(tmp_path, environment_location, time_limit=1.0)
    try:
        loops = DAEMON.replace("return ", "influxdb3_local.info(") + ")\nwhile True: pass\n# cache"
        bench.request_plugin(loops, run_async=run_async)
        with pytest.raises(PluginFailed, match="time limit"):
            bench.call()
        wait_until(lambda: not is_running(int(bench.texts()[0])))
    finally:
        bench.close()


def test_a_dry_run_leaves_no_processes(bench: Bench) -> None:
    lines = "\n    ".join(DAEMON.replace("return ", "influxdb3_local.info(").splitlines())
    bench.plugin("p.py", f"def process_writes(influxdb3_local, batches, args=None):\n    {lines})\n")
    run = bench.do(bench.runner.dry_run_wal("p.py", "d", [], None, None))
    (line,) = [line for line in run.log_lines if line.split()[-1].isdigit()]
    assert not is_running(int(line.split()[-1]))


def test_overlapping_runs_keep_their_own_processes(bench: Bench) -> None:
    bench.request_plugin(
        "import subprocess, time\n# cache\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "influxdb3_local.info(child.pid)\n"
        "while not b and child.poll() is None: time.sleep(0.01)\n"
        "return str(child.poll() is None)",
        run_async=True,
    )
    bench.begin_call()
    wait_until(bench.texts)
    (long,) = map(int, bench.texts())
    for _ in range(3):
        assert bench.call(body=b"short").body == b"True"
    assert is_running(long)
    _, *short = map(int, bench.texts())
    assert not any(map(is_running, short))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_of_processes_can_be_used_in_every_run(bench: Bench, method: str) -> None:
    bench.request_plugin(
        "import multiprocessing\n"
        f"pool = multiprocessing.get_context('{method}').Pool(2)\n"
        "influxdb3_local.cache.put('kept', 1)\n"
        "return pool.map(abs, [-1, -2, -3])"
    )
    assert [json.loads(bench.call().body) for _ in range(3)] == [[1, 2, 3]] * 3


@pytest.mark.parametrize("run_async", LOOPS)
def test_a_stopped_worker_is_replaced_and_the_log_says_so(
    bench: Bench, caplog: pytest.LogCaptureFixture, run_async: bool
) -> None:
    bench.request_plugin(
        "import os, time\n# cache\ninfluxdb3_local.info(os.getpid())\nwhile not b: time.sleep(0.01)\nreturn 'fine'",
        run_async=run_async,
    )
    running = bench.begin_call()
    wait_until(bench.texts)
    pid = int(bench.texts()[0])
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(PluginFailed, match="plugin process was stopped by signal SIGSTOP and ended"):
        running.result(5)
    assert (
        f"r: plugin process {pid} was stopped by signal SIGSTOP and is ended; the next run gets a new one"
        in caplog.text
    )
    assert not is_running(pid)
    assert bench.call(body=b"again").body == b"fine"


def test_a_worker_that_is_stopped_while_it_waits_is_replaced(bench: Bench) -> None:
    bench.request_plugin("import os\nreturn str(os.getpid())")
    first = int(bench.call().body)
    os.kill(first, signal.SIGSTOP)
    wait_until(lambda: not is_running(first))
    assert int(bench.call().body) != first


def test_a_stopped_zygote_is_continued(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.request_plugin("import os\nreturn str(os.getppid())")
    zygote = int(bench.call().body)
    os.kill(zygote, signal.SIGSTOP)
    bench.request_plugin("return 'fine'", name="other")
    assert bench.call("other").body == b"fine"
    assert "was stopped by a signal; it is continued" in caplog.text
