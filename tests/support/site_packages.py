"""Distributions that the probe finds beside those of the tests' interpreter."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class SitePackages:
    """A directory on the path of modules."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def install(self, name: str, version: str, *requires: str) -> None:
        self.remove(name)
        info = self._directory / f"{name}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        (info / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires), ""]))

    def remove(self, name: str) -> None:
        for info in self._directory.glob(f"{name}-*.dist-info"):
            shutil.rmtree(info)
