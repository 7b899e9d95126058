"""Runs the commands of the example's README."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from example_shell import ExampleShell


def test_the_tests_of_the_plugin_pass(example: ExampleShell) -> None:
    # this test would run itself
    example.replace = {"examples/plugin_tests": "examples/plugin_tests/test_temperature_alert.py"}

    assert "4 passed" in example.readme()
