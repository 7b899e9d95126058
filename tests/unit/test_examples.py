"""Rules for all examples: each has a README and a test, and the test follows the README."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from example_shell import listed_requests, shell_blocks

PROJECT = Path(__file__).parents[2]
EXAMPLES = sorted(folder for folder in (PROJECT / "examples").iterdir() if any(folder.glob("*")) and folder.is_dir())
WITHOUT_REQUESTS = {
    "plugin_tests",  # deploys nothing
    "quickstart",  # its script starts the engine: nothing can count between the two
}
LANGUAGES = {"sh", "python", "text", "yaml"}


@pytest.fixture(params=EXAMPLES, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    """The folder of an example."""
    return Path(request.param)


def test_an_example_has_a_readme_that_the_projects_readme_links(folder: Path) -> None:
    assert (folder / "README.md").is_file()
    assert f"(examples/{folder.name}/README.md)" in (PROJECT / "README.md").read_text("utf-8")


def test_a_test_follows_the_readme_of_an_example(folder: Path) -> None:
    """The fixture ``example`` fails a test that does not run each command of the README."""
    assert shell_blocks(folder / "README.md")
    functions = [
        node
        for file in folder.glob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert any(argument.arg == "example" for function in functions for argument in function.args.args)


def test_commands_are_in_blocks_that_a_test_runs(folder: Path) -> None:
    """Other blocks have code, configuration or output."""
    readme = (folder / "README.md").read_text("utf-8")
    languages = re.findall(r"^```(.*)$", readme, re.MULTILINE)[::2]
    assert set(languages) <= LANGUAGES
    others = re.sub(r"^```sh\n.*?^```$", "", readme, flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"^(\$ )?(pulumi|uv|pip|pytest|influxdb3-embedded|curl) ", others, re.MULTILINE)


def test_a_readme_lists_requests(folder: Path) -> None:
    """The fixture ``example`` fails a test that counts other numbers."""
    assert bool(listed_requests(folder / "README.md")) == (folder.name not in WITHOUT_REQUESTS)
