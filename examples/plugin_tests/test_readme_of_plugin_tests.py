"""Runs the commands of the example's README."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from example_shell import ExampleShell


def test_the_tests_of_the_plugin_pass(example: ExampleShell) -> None:
    # without this test, which would run itself
    example.replace = {"pytest": f"pytest --deselect examples/plugin_tests/{Path(__file__).name}"}

    assert "5 passed" in example.readme()
