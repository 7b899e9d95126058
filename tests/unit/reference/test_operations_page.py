"""The page "Operations" lists every operation of the API, and the client methods that the provider uses."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from client_operations import OPERATIONS

from influxdb3_engine_api import EngineClient, paths

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs/operations.md").read_text("utf-8")
ROWS = re.findall(r"^\| `(\w+) (\S+)` \| (.*?) \| (.*) \|$", PAGE, re.MULTILINE)
PROVIDER = ("influxdb3_engine_resources", "pulumi_influxdb3_engine")


def used_methods() -> set[str]:
    """Names of attributes that the provider uses on anything that is called a client."""
    used = set()
    for package in PROVIDER:
        for file in (PROJECT / "provider" / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("client"):
                    used.add(node.attr)
    return used


def methods(cell: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cell))


def test_every_path_of_the_package_is_listed() -> None:
    own = {value for name, value in vars(paths).items() if name.isupper()}
    own = own - {paths.ENGINE} | {paths.engine("{request_path}")}

    assert {path for _, path, _, _ in ROWS} == own


def test_every_request_of_the_client_is_listed_with_its_method() -> None:
    listed = {(name, f"{verb} {path}") for verb, path, cell, _ in ROWS for name in methods(cell)}
    calls = {("call_request_trigger", f"{verb} {paths.engine('{request_path}')}") for verb in ("GET", "POST")}

    assert listed == {(name, request) for name, (_, request) in OPERATIONS.items()} | calls


def test_an_operation_is_used_by_the_provider_unless_the_page_gives_a_reason() -> None:
    used = used_methods()
    wrong = {
        name: use
        for _, _, cell, use in ROWS
        for name in methods(cell)
        if (name in used) is use.startswith("not used: ")
    }

    assert wrong == {}
    assert all(hasattr(EngineClient, name) for _, _, cell, _ in ROWS for name in methods(cell))
