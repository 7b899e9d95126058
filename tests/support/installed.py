"""Virtual environments that have this project as its users do: its wheel and what that requires, nothing else."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi_cli import PulumiCli

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Installation:
    """A virtual environment with the wheel.

    Attributes:
        directory: Where the environment is.
    """

    directory: Path

    @property
    def python(self) -> Path:
        return self.directory / "bin" / "python"

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, such as ``python``, away from the sources."""
        command = [self.directory / "bin" / arguments[0], *arguments[1:]]
        return subprocess.run(command, cwd=self.directory, capture_output=True, text=True, timeout=60, check=False)


@dataclass(frozen=True)
class InstalledCli(PulumiCli):
    """The Pulumi CLI that runs programs and dynamic providers in such an environment.

    Attributes:
        installation: The environment.
    """

    installation: Installation

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        variables = PulumiCli.environment(self, base)
        python = self.installation.python
        path = os.pathsep.join([str(python.parent), variables["PATH"]])
        return variables | {"PATH": path, "PULUMI_PYTHON_CMD": str(python)}


def install(directory: Path, *, extra: str = "") -> Installation:
    """Install the wheel, with an extra such as ``[embedded]``; the first of several processes builds and installs.

    Args:
        directory: Shared by the processes of a test run.
        extra: In brackets.
    """
    directory.mkdir(parents=True, exist_ok=True)
    environment = directory / f"environment{extra.strip('[]')}"
    finished = directory / f"{environment.name}.finished"
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            shutil.rmtree(environment, ignore_errors=True)
            wheel = next(directory.glob("*.whl"), None) or _build(directory)
            _uv("venv", "--quiet", environment)
            into = ("pip", "install", "--quiet", "--python", environment)
            if "UV_RESOLUTION" in os.environ:
                # uv applies it to the requirements of pyproject.toml, but not to those of a wheel
                _uv(*into, "-r", "pyproject.toml", *(["--extra", extra.strip("[]")] if extra else []))
            _uv(*into, f"{wheel}{extra}", "pip")  # Pulumi's Python host lists a program's packages with pip
            finished.touch()
    return Installation(environment)


def _build(directory: Path) -> Path:
    _uv("build", "--quiet", "--wheel", "--out-dir", directory)
    return next(directory.glob("*.whl"))


def _uv(*arguments: str | Path) -> None:
    # in the project's directory uv installs the versions that pyproject.toml pins
    subprocess.run(["uv", *arguments], cwd=PROJECT, timeout=300, check=True)
