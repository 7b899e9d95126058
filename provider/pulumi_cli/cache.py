"""The user's cache directory, where a whole copy of the CLI appears at once or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi_cli.executables import PulumiCli, Source, UnavailableError, inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MARKER = "recipe"
_STAGING_SUFFIX = ".partial-"
_LOCK_POLL_S = 0.2


def cache_directory() -> Path:
    """``$PULUMI_INFLUXDB3_CACHE``, or this project's directory where the platform keeps caches.

    Raises:
        UnavailableError: The user has no home directory.
    """
    if chosen := os.environ.get("PULUMI_INFLUXDB3_CACHE"):
        return Path(chosen).absolute()
    try:
        caches = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    except RuntimeError as error:
        raise UnavailableError(str(error)) from error
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification has relative paths ignored.
    return (xdg if xdg.is_absolute() else caches) / "pulumi-influxdb3-engine"


@dataclass(frozen=True, slots=True)
class Staging:
    """Where a copy is made.

    Attributes:
        copy: Becomes the finished copy; the executables belong in its ``bin``.
        scratch: For whatever else is written on the way; goes with the staging directory.
    """

    copy: Path
    scratch: Path


@dataclass(frozen=True, slots=True)
class Cache:
    """One version of the CLI in the cache directory.

    A copy is made in a staging directory beside its final place and renamed into it, with a marker that names the
    recipe it was made by: whatever is interrupted leaves a staging directory, which the next installation clears away.

    Attributes:
        directory: The cache directory; made when something is installed.
        version: The version of the CLI, part of the copy's name.
        recipe: Hash of what the copy is made from; a copy made from something else does not count.
    """

    directory: Path
    version: str
    recipe: str

    @property
    def copy(self) -> Path:
        """Where the finished copy is, or will be."""
        return self.directory / f"pulumi-{self.version}"

    def find(self) -> PulumiCli:
        """The finished copy.

        Raises:
            UnavailableError: There is none, it was made by another recipe, or it no longer runs.
        """
        try:
            recipe = (self.copy / _MARKER).read_text(encoding="utf-8")
        except OSError:
            raise UnavailableError(f"there is none in {self.copy}") from None
        if recipe != self.recipe:
            raise UnavailableError(f"the one in {self.copy} was made by another recipe")
        return inspect(self.copy / "bin", Source.CACHE)

    @contextlib.contextmanager
    def locked(self, report: Callable[[str], None]) -> Iterator[None]:
        """Holds the right to install, which the system takes back when the process ends, however it ends.

        Args:
            report: Told once when another process holds it.

        Raises:
            OSError: The cache directory cannot be written.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "lock").open("w") as lock:
            waiting = False
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not waiting:
                        report(f"waiting for another run that is installing the CLI in {self.directory}")
                        waiting = True
                    time.sleep(_LOCK_POLL_S)
            yield

    @contextlib.contextmanager
    def staging(self) -> Iterator[Staging]:
        """A place to make a copy in, empty, gone afterwards; to be entered with the lock held.

        Raises:
            OSError: The cache directory cannot be written.
        """
        for abandoned in self.directory.glob(f"pulumi-*{_STAGING_SUFFIX}*"):
            shutil.rmtree(abandoned, ignore_errors=True)  # a killed run's compiler may still be writing there
        place = Path(tempfile.mkdtemp(prefix=f"{self.copy.name}{_STAGING_SUFFIX}", dir=self.directory))
        try:
            staging = Staging(place / "copy", place / "scratch")
            (staging.copy / "bin").mkdir(parents=True)
            staging.scratch.mkdir()
            yield staging
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def commit(self, staging: Staging, source: Source) -> PulumiCli:
        """Makes a staged copy the finished one; to be called with the lock held.

        Args:
            staging: Where the copy was made.
            source: How it was made.

        Raises:
            UnavailableError: What was made is not whole or does not run.
            OSError: The cache directory cannot be written.
        """
        made = inspect(staging.copy / "bin", source)
        (staging.copy / _MARKER).write_text(self.recipe, encoding="utf-8")
        with contextlib.suppress(FileNotFoundError):
            self.copy.rename(staging.scratch / "replaced")
        staging.copy.rename(self.copy)
        return PulumiCli(self.copy / "bin", made.version, source)
