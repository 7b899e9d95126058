"""Checks the executables of a Pulumi CLI, and finds those on PATH."""

from __future__ import annotations

import enum
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MINIMUM_VERSION = "3.200.0"
"""The oldest CLI taken from PATH: the version of the oldest SDK in pyproject.toml, which has the same releases."""

EXECUTABLES = (
    "pulumi",
    "pulumi-language-python",  # starts the next one
    "pulumi-language-python-exec",  # runs the program
    "pulumi-resource-pulumi-python",  # runs the dynamic providers
)
"""The executables that a program with dynamic providers needs. Official releases have them in one directory."""

_VERSION_LIMIT_S = 60  # `pulumi version` takes 0.2 s, or some seconds from a cold disk


class UnavailableError(Exception):
    """One way to get the CLI does not work on this machine. The text says why."""


class Source(enum.StrEnum):
    """Where a CLI comes from. The values are texts for messages."""

    PATH = "`pulumi` on PATH"
    CACHE = "a copy installed earlier"
    INSTALLER = "the official installer"
    BUILD = "a build from the pinned Go modules"


@dataclass(frozen=True, slots=True)
class PulumiCli:
    """A Pulumi CLI that works: ``pulumi version`` has answered.

    Attributes:
        directory: Directory of ``pulumi``, and of its companions unless they are elsewhere on PATH.
        version: The answer of ``pulumi version``, such as ``3.259.0``.
        source: Where the CLI comes from.
    """

    directory: Path
    version: str
    source: Source

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return environment variables for this CLI. With them, programs and dynamic providers run on this Python.

        This Python needs ``pip``: before each program, the language host runs ``python -m pip list`` to find plugins of
        its packages, and fails without pip.

        Args:
            base: The environment to extend. Its own settings of updates and plugins stay.

        Returns:
            A copy of ``base`` with this Python first on PATH, then the CLI. A CLI from PATH comes last, so that a
            language host that the user has put before the CLI stays before it.
        """
        python, users = Path(sys.prefix) / "bin", filter(None, [base.get("PATH")])
        directory = str(self.directory)
        path = [str(python), *([*users, directory] if self.source is Source.PATH else [directory, *users])]
        quiet = {
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            # The CLI has all that dynamic providers need: a missing plugin is an error, and not downloaded.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        # PULUMI_PYTHON_CMD has priority over PATH, so both must name the same Python.
        return {**quiet, **base, "PATH": os.pathsep.join(path), "PULUMI_PYTHON_CMD": sys.executable}


def inspect(directory: Path, source: Source, *, elsewhere: str = "") -> PulumiCli:
    """Return the CLI in a directory, after a check that it is complete and runs.

    Args:
        directory: Directory of ``pulumi``.
        source: Where the CLI comes from.
        elsewhere: A PATH on which the companions may be instead.

    Raises:
        UnavailableError: An executable is missing, ``pulumi`` does not run, or its version does not fit.
    """
    search = os.pathsep.join(filter(None, [str(directory), elsewhere]))
    missing = [name for name in EXECUTABLES if shutil.which(name, path=search) is None]
    if missing:
        raise UnavailableError(f"{directory} lacks {', '.join(missing)}")
    version = _version_of(directory / "pulumi")
    minimum = _numbers(MINIMUM_VERSION)
    if not minimum <= _numbers(version) < (minimum[0] + 1,):
        raise UnavailableError(
            f"{directory / 'pulumi'} is version {version}; needs {MINIMUM_VERSION} or newer, below {minimum[0] + 1}"
        )
    return PulumiCli(directory, version, source)


def find_on_path() -> PulumiCli:
    """Return the first ``pulumi`` on PATH.

    Raises:
        UnavailableError: ``pulumi`` is not on PATH, or ``inspect`` refuses it.
    """
    path = os.environ.get("PATH", os.defpath)
    found = shutil.which("pulumi", path=path)
    if found is None:
        raise UnavailableError("not found")
    # Package managers link to `pulumi`. Its companions are beside the file, not beside the link.
    unpacked = Path(found).resolve().parent
    whole = all(os.access(unpacked / name, os.X_OK) for name in EXECUTABLES)
    return inspect(unpacked if whole else Path(found).absolute().parent, Source.PATH, elsewhere=path)


def _version_of(executable: Path) -> str:
    """Return the answer of ``pulumi version`` without its ``v``."""
    environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "1"}
    try:
        answer = subprocess.run(  # noqa: S603 - the caller will run this executable anyway
            [executable, "version"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{executable} does not run: {error}") from error
    version = re.fullmatch(r"v?(\d+\.\d+\.\d+\S*)", answer.stdout.strip())
    if answer.returncode or version is None:
        output = (answer.stderr or answer.stdout).strip() or "no output"
        raise UnavailableError(f"`{executable} version` ended with status {answer.returncode}: {output}")
    return version[1]


def _numbers(version: str) -> tuple[int, ...]:
    """Return the first three numbers of a version. A pre-release counts as its release."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
