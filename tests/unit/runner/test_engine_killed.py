"""Processes of plugins end when the engine is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from runner_bench import is_running, wait_until

HERE = Path(__file__).parent
PLUGIN = """\
import os, subprocess
def process_request(influxdb3_local, q, h, b, args=None):
    daemon = subprocess.run(['setsid', 'sh', '-c', 'sleep 600 >/dev/null 2>&1 & echo $!'], stdout=subprocess.PIPE)
    child = subprocess.Popen(['sleep', '600'])
    pids = f"{os.getppid()} {os.getpid()} {child.pid} {daemon.stdout.decode()}"
    influxdb3_local.info(pids)
    while True: pass
"""
ENGINE = """\
import sys, time
from pathlib import Path
from runner_bench import Bench, is_running, wait_until
bench = Bench(Path(sys.argv[1]), Path(sys.argv[2]))
bench.trigger("r", "loop.py", "request:r")
bench.begin_call()
wait_until(bench.texts)
print(bench.texts()[0], flush=True)
time.sleep(600)
"""


def test_killing_the_engine_ends_a_looping_plugin_and_all_that_it_started(
    tmp_path: Path, environment_location: Path
) -> None:
    (tmp_path / "loop.py").write_text(PLUGIN)
    path = os.pathsep.join([str(HERE), *sys.path])
    with subprocess.Popen(
        [sys.executable, "-c", ENGINE, tmp_path, environment_location],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    ) as engine:
        assert engine.stdout is not None
        pids = [int(pid) for pid in engine.stdout.readline().split()]
        try:
            assert len(pids) == 4
            assert all(map(is_running, pids))
        finally:
            engine.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(map(is_running, pids)))
