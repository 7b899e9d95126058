"""The page "Messages" has a row for each text that the provider shows, and no others."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from message_texts import Found, texts_of

PROJECT = Path(__file__).parents[3]
PAGE = PROJECT / "docs/messages.md"
PACKAGES = ("influxdb3_engine_api", "influxdb3_engine_resources", "pulumi_influxdb3_engine")
TEXTS_OF_THE_SERVER = {"line_grammar.py", "column_kinds.py"}
"""Modules whose texts are those of the server, to the letter."""
PARTS = {
    '"all_tables_wal_write"',
    "the stack's default server (…)",
    "pulumi config set --path …'…' …",
    "pulumi config set --path …'…'",
    "a request path",
    "known only during the deployment",
    "a value of the type …",
    "the resource's name",
    "influxdb3:index:Plugin",
}
"""Parts of other texts, and what is no message."""


def sections() -> dict[str, list[tuple[list[str], str, str]]]:
    """Section to its rows: the texts, the cause and the remedy."""
    found: dict[str, list[tuple[list[str], str, str]]] = {}
    for title, body in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        rows = [line.strip("| ").split(" | ") for line in body.splitlines() if line.startswith("| `")]
        found[title] = [(re.findall(r"`(.+?)`(?=<br>|$)", cells[0]), *cells[1:]) for cells in rows]
    return found


def listed() -> dict[str, str]:
    """Text to the section that has it."""
    return {text: title for title, rows in sections().items() for texts, _, _ in rows for text in texts}


def in_the_code() -> dict[str, Found]:
    every = [found for package in PACKAGES for found in texts_of(PROJECT / "provider" / package)]
    return {found.text: found for found in every if found.file.name not in TEXTS_OF_THE_SERVER}


def advice(found: Found) -> str:
    """What the author of a text writes, and where: into the section with the other texts of the module."""
    page = listed()
    beside = (each for each in texts_of(found.file.parent) if each.file == found.file and each.text in page)
    near = Counter(page[each.text] for each in beside)
    section = repr(near.most_common(1)[0][0]) if near else "that fits"
    where = f"{found.file.relative_to(PROJECT)}:{found.line}"
    return f"{where}: add to {PAGE.name}, section {section}: | `{found.text}` | CAUSE | WHAT TO DO |"


def test_each_text_of_the_provider_is_on_the_page() -> None:
    page = listed()
    missing = [advice(found) for text, found in in_the_code().items() if text not in page and text not in PARTS]

    if missing:
        pytest.fail("\n".join(missing))


def test_each_text_on_the_page_is_in_the_code() -> None:
    gone = sorted(listed().keys() - in_the_code().keys())

    if gone:
        pytest.fail("\n".join(["remove from docs/messages.md, or correct:", *gone]))


def test_each_row_has_a_cause_and_says_what_to_do() -> None:
    rows = [row for rows in sections().values() for row in rows]

    assert len(rows) > 100
    assert [texts for texts, cause, remedy in rows if not (cause.endswith(".") and remedy.endswith("."))] == []
    assert [text for text, count in Counter(text for texts, _, _ in rows for text in texts).items() if count > 1] == []
    assert PARTS - in_the_code().keys() == set()
