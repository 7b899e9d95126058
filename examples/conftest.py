"""The fixture of the tests that follow an example's README."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from example_shell import ExampleShell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ExampleShell]:
    """A shell in a copy of the example beside the test. The test has to follow the whole README."""
    failed_before = request.session.testsfailed
    shell = ExampleShell(request.path.parent, tmp_path)
    try:
        yield shell
        if request.session.testsfailed == failed_before:
            shell.check_the_readme()
    finally:
        shell.close()
