"""A machine on which only a test installs programs: an empty PATH, an empty cache, no installer."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PROVIDER = Path(__file__).parents[2] / "provider"
EXECUTABLES = (
    "pulumi",
    "pulumi-language-python",
    "pulumi-language-python-exec",
    "pulumi-resource-pulumi-python",
)

# A stub of Go. It waits for a file before it "builds", so that a test sets the duration of a build.
STUB_GO = f"""#!{sys.executable}
import os, pathlib, sys, time
machine = pathlib.Path(__file__).parents[1]
with (machine / "go.log").open("a") as log:
    print(os.getpid(), *sys.argv[1:], file=log)
if sys.argv[1] == "list":
    print(machine / "sdk")
    sys.exit()
while not (machine / "go-on").exists():
    time.sleep(0.02)
if (machine / "broken").exists():
    sys.exit("expression.go:7: undefined: frobnicate")
program = pathlib.Path(sys.argv[sys.argv.index("-o") + 1])
program.write_text("#!/bin/sh\\necho v3.259.0\\n")
program.chmod(0o755)
"""


def write_script(path: Path, text: str) -> None:
    """Write an executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def write_cli(directory: Path, *, does: str = "echo v3.259.0", names: tuple[str, ...] = EXECUTABLES) -> None:
    """Write executables that all run the same line of shell."""
    for name in names:
        write_script(directory / name, f"#!/bin/sh\n{does}\n")


@dataclass(frozen=True)
class Machine:
    """The surroundings of ``python -m pulumi_cli``. All files are below ``root``."""

    root: Path

    @property
    def path(self) -> Path:
        """The one directory on PATH."""
        return self.root / "bin"

    @property
    def cache(self) -> Path:
        """The user's cache directory."""
        return self.root / "cache"

    @property
    def copy(self) -> Path:
        """Directory of the installed copy."""
        return self.cache / "pulumi-3.259.0"

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of a run."""
        return {
            "PATH": str(self.path),
            "HOME": str(self.root / "home"),
            "PYTHONPATH": str(PROVIDER),
            "PULUMI_INFLUXDB3_CACHE": str(self.cache),
            "PULUMI_INFLUXDB3_SKIP_INSTALLER": "1",
        }

    def add_go(self, *, held_back: bool = False) -> None:
        """Put the stub of Go on PATH. If it is held back, it waits for ``let_go_on`` before it builds."""
        write_script(self.path / "go", STUB_GO)
        write_script(self.root / "sdk/python/cmd/pulumi-language-python-exec", "#!/usr/bin/env python\n")
        dynamic = self.root / "sdk/python/dist/pulumi-resource-pulumi-python"
        write_script(dynamic, "#!/bin/sh\n")
        dynamic.chmod(0o444)  # as files in a module cache are
        if not held_back:
            self.let_go_on()

    def let_go_on(self) -> None:
        """Let the stub build."""
        (self.root / "go-on").touch()

    def go_processes(self) -> list[int]:
        """Process IDs of all calls of the stub."""
        return [int(line.split()[0]) for line in self._go_log()]

    def builds(self) -> int:
        """Number of builds of the CLI, unfinished ones included."""
        return sum(line.endswith("/cmd/pulumi") for line in self._go_log())

    def _go_log(self) -> list[str]:
        log = self.root / "go.log"
        return log.read_text().splitlines() if log.exists() else []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``python -m pulumi_cli``. ``progress`` has its reports."""
        with (self.root / "progress").open("a") as progress:
            return subprocess.Popen(
                [sys.executable, "-m", "pulumi_cli", *arguments],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=progress,
                text=True,
            )

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m pulumi_cli`` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "pulumi_cli", *arguments],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def progress(self) -> str:
        """Reports of all started runs."""
        return (self.root / "progress").read_text()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition. Fails after 30 seconds."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.02)


def is_running(process: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
