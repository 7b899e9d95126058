"""Keeps a copy of the CLI in the user's cache directory. A copy appears there whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from influxdb3_engine_resources.published.cache import cache_directory as user_cache_directory
from pulumi_cli.executables import PulumiCli, Source, UnavailableError, inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MARKER = "recipe"
_STAGING_SUFFIX = ".partial-"
_LOCK_POLL_S = 0.2


def cache_directory() -> Path:
    """Return ``$PULUMI_INFLUXDB3_CACHE``, or this project's directory in the platform's cache directory.

    Raises:
        UnavailableError: The user has no home directory.
    """
    directory = user_cache_directory()
    if directory is None:
        raise UnavailableError("the user has no home directory: set PULUMI_INFLUXDB3_CACHE")
    return directory


@dataclass(frozen=True, slots=True)
class Staging:
    """Directories in which an installation makes a copy.

    Attributes:
        copy: Becomes the finished copy. The executables belong in its ``bin``.
        scratch: For temporary files. It is deleted at the end.
    """

    copy: Path
    scratch: Path


@dataclass(frozen=True, slots=True)
class Cache:
    """One version of the CLI in the cache directory.

    An installation makes the copy in a staging directory and then renames it to its final name. A marker in the copy
    has the hash of its recipe. An interrupted installation leaves a staging directory; the next one deletes it.

    Attributes:
        directory: The cache directory. The first installation creates it.
        version: Version of the CLI, part of the copy's name.
        recipe: Hash of what the copy is made from. A copy with another hash is not used.
    """

    directory: Path
    version: str
    recipe: str

    @property
    def copy(self) -> Path:
        """Directory of the finished copy."""
        return self.directory / f"pulumi-{self.version}"

    def find(self) -> PulumiCli:
        """Return the finished copy.

        Raises:
            UnavailableError: No copy exists, it has another recipe, or it does not run.
        """
        try:
            recipe = (self.copy / _MARKER).read_text(encoding="utf-8")
        except OSError:
            raise UnavailableError(f"not found in {self.copy}") from None
        if recipe != self.recipe:
            raise UnavailableError(f"the one in {self.copy} was made by another recipe")
        return inspect(self.copy / "bin", Source.CACHE)

    @contextlib.contextmanager
    def locked(self, report: Callable[[str], None]) -> Iterator[None]:
        """Hold the lock for installations. The system releases the lock when the process ends.

        Args:
            report: Called once if another process holds the lock.

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
        """Create empty directories for an installation, and delete them afterwards. Needs the lock.

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
        """Make a staged copy the finished one. Needs the lock.

        Args:
            staging: The directories of the installation.
            source: How the copy was made.

        Raises:
            UnavailableError: The copy is not complete or does not run.
            OSError: The cache directory cannot be written.
        """
        made = inspect(staging.copy / "bin", source)
        (staging.copy / _MARKER).write_text(self.recipe, encoding="utf-8")
        with contextlib.suppress(FileNotFoundError):
            self.copy.rename(staging.scratch / "replaced")
        staging.copy.rename(self.copy)
        return PulumiCli(self.copy / "bin", made.version, source)
