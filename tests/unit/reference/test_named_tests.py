"""Tests that pages name as evidence exist, and links between pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
PAGES = [*sorted((PROJECT / "docs").glob("*.md")), PROJECT / "provider/pulumi_influxdb3_engine/README.md"]
NAMED = re.compile(r"`(test_\w+)`")
NOT_TESTS = {"test_wal_plugin", "test_schedule_plugin"}
"""Deprecated functions, and methods of the client."""


def all_tests() -> set[str]:
    files = [file for folder in ("tests", "examples") for file in (PROJECT / folder).rglob("test_*.py")]
    return {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)}


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    named = set(NAMED.findall(page.read_text("utf-8")))

    assert sorted(named - all_tests() - NOT_TESTS) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_to_files_and_headings(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        path, _, heading = target.partition("#")
        if "://" in path:
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (heading and heading not in anchors(file)):
            broken.append(target)

    assert broken == []
