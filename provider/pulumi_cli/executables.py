"""The Pulumi CLI as the set of executables that a Python program needs, and the set that is on PATH."""

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
"""The oldest CLI taken from PATH: that of the oldest SDK in pyproject.toml, since the two are released together."""

EXECUTABLES = (
    "pulumi",
    "pulumi-language-python",  # starts the program, through
    "pulumi-language-python-exec",  # the script that runs it, and
    "pulumi-resource-pulumi-python",  # starts the dynamic providers
)
"""What a program with dynamic providers needs; official releases keep them in one directory."""

_VERSION_LIMIT_S = 60  # `pulumi version` takes 0.2 s, and some seconds from a cold disk


class UnavailableError(Exception):
    """One way to get the CLI does not work on this machine; its text is the reason."""


class Source(enum.StrEnum):
    """Where a CLI came from, in the words of the messages."""

    PATH = "`pulumi` on PATH"
    CACHE = "a copy installed earlier"
    INSTALLER = "the official installer"
    BUILD = "a build from the pinned Go modules"


@dataclass(frozen=True, slots=True)
class PulumiCli:
    """A Pulumi CLI that was run once and answered.

    Attributes:
        directory: Where ``pulumi`` is, and its companions unless they are elsewhere on PATH.
        version: What it says its version is, such as ``3.259.0``.
        source: Where it came from.
    """

    directory: Path
    version: str
    source: Source

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """The environment to run this CLI in, so that programs and dynamic providers run on this very Python.

        This Python needs ``pip``: before every program the language host runs ``python -m pip list`` to learn which
        plugins its packages bring, and fails where it cannot.

        Args:
            base: The environment to extend; its own choices about updates and plugins are kept.

        Returns:
            A copy of ``base`` with this Python first on PATH, then the CLI. A CLI from PATH comes last: a language host
            that the user has put before it stays before it.
        """
        python, users = Path(sys.prefix) / "bin", filter(None, [base.get("PATH")])
        directory = str(self.directory)
        path = [str(python), *([*users, directory] if self.source is Source.PATH else [directory, *users])]
        quiet = {
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            # Dynamic providers come with the CLI: a plugin that is missing is a mistake to name, not to download.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        # Overrules PATH in the language host and in the dynamic providers' start script, so it has to agree with it.
        return {**quiet, **base, "PATH": os.pathsep.join(path), "PULUMI_PYTHON_CMD": sys.executable}


def inspect(directory: Path, source: Source, *, elsewhere: str = "") -> PulumiCli:
    """The CLI in a directory, once it has proved that it is whole and runs.

    Args:
        directory: Where ``pulumi`` is.
        source: Where it came from.
        elsewhere: A PATH on which its companions may be instead.

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
            f"{directory / 'pulumi'} is version {version}, needed is {MINIMUM_VERSION} or newer, below {minimum[0] + 1}"
        )
    return PulumiCli(directory, version, source)


def find_on_path() -> PulumiCli:
    """The first ``pulumi`` on PATH.

    Raises:
        UnavailableError: There is none, or ``inspect`` refuses it.
    """
    path = os.environ.get("PATH", os.defpath)
    found = shutil.which("pulumi", path=path)
    if found is None:
        raise UnavailableError("there is none")
    # Package managers link `pulumi` from where it was unpacked; its companions are beside the file, not the link.
    unpacked = Path(found).resolve().parent
    whole = all(os.access(unpacked / name, os.X_OK) for name in EXECUTABLES)
    return inspect(unpacked if whole else Path(found).absolute().parent, Source.PATH, elsewhere=path)


def _version_of(executable: Path) -> str:
    """What ``pulumi version`` answers, without its ``v``."""
    environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "1"}
    try:
        answer = subprocess.run(  # noqa: S603 - the executable that the caller is about to use anyway
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
        said = (answer.stderr or answer.stdout).strip() or "nothing"
        raise UnavailableError(f"`{executable} version` ended with status {answer.returncode} and said: {said}")
    return version[1]


def _numbers(version: str) -> tuple[int, ...]:
    """The part of a version that orders releases; a pre-release counts as its release."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
