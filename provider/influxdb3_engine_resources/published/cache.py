"""What was read from registries, kept in the user's cache directory, so that the next preview needs no network."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path


def cache_directory() -> Path | None:
    """``$PULUMI_INFLUXDB3_CACHE``, or this project's directory where the platform keeps caches.

    Returns:
        None if the user has no home directory.
    """
    if chosen := os.environ.get("PULUMI_INFLUXDB3_CACHE"):
        return Path(chosen).absolute()
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        caches = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    except RuntimeError:
        return None
    # the XDG specification has relative paths ignored
    return (xdg if xdg.is_absolute() else caches) / "pulumi-influxdb3-engine"


class RegistryCache:
    """Files of registries by their URL. If the cache cannot be written, every file is read from its registry."""

    def __init__(self) -> None:
        directory = cache_directory()
        self._directory = None if directory is None else directory / "registries"

    def read(self, url: str, *, newer_than_seconds: float | None = None) -> bytes | None:
        """What was kept of a URL.

        Args:
            url: Where it came from.
            newer_than_seconds: The greatest age; None for any.

        Returns:
            None if nothing is kept, or if it is older.
        """
        if self._directory is None:
            return None
        file = self._directory / _name(url)
        try:
            age = time.time() - file.stat().st_mtime
            if newer_than_seconds is not None and not 0 <= age < newer_than_seconds:
                return None
            return file.read_bytes()
        except OSError:
            return None

    def keep(self, url: str, data: bytes) -> None:
        """Keep what came from a URL: whole or not at all, whoever reads and writes at the same time."""
        if self._directory is None:
            return
        with contextlib.suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self._directory, prefix=".partial-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                Path(name).replace(self._directory / _name(url))
            except OSError:
                Path(name).unlink(missing_ok=True)


def _name(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()
