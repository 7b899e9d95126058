"""What the tests of several examples share."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from influxdb3_embedded.testing import start_engine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine


def copied(example: Path, directory: Path) -> Path:
    """Copy an example to a directory, where its test can deploy and edit it."""
    return shutil.copytree(example, directory, ignore=shutil.ignore_patterns("__pycache__"))


@contextmanager
def start_engines(directory: Path, names: Iterable[str]) -> Iterator[dict[str, RunningEngine]]:
    """Run an engine for each name while the context lasts."""
    with ExitStack() as running:
        yield {name: running.enter_context(start_engine(directory / name)) for name in names}
