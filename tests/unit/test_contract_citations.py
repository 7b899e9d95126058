"""Every section of CONTRACT.md that the project cites exists, and its table of contents lists them all."""

from __future__ import annotations

import importlib.resources
import re
from pathlib import Path

import pytest

import influxdb3_embedded
import influxdb3_engine_api
import pulumi_influxdb3_engine

PROJECT = Path(__file__).parents[2]
CONTRACT = importlib.resources.files(influxdb3_engine_api).joinpath("CONTRACT.md").read_text("utf-8")
CITING = [
    *(path for top in ("provider", "tests", "examples") for path in sorted((PROJECT / top).rglob("*"))),
    *sorted(PROJECT.glob("*.md")),
]

_SECTION = r"\d+(?:\.\d+)?(?!\.?\d)"
_ROW = r"(?:,?\s+#\d+)?"
# words of a citation may stand on two lines, of a docstring or of a comment
_BLANK = r"[\s#]+?"
_CITED = rf"{_SECTION}{_ROW}(?:(?:,|,?{_BLANK}(?:and|or|to)){_BLANK}(?:sections?{_BLANK})?{_SECTION}{_ROW})*"
CITATION = re.compile(rf"\bcontract(?:\.md)?{_BLANK}(?:sections?{_BLANK})?({_CITED})", re.IGNORECASE)
OWN_CITATION = re.compile(rf"\bsections?{_BLANK}({_CITED})", re.IGNORECASE)


def sections() -> dict[str, str]:
    """Number of each section, and its text, without that of its sections."""
    parts = re.split(r"^#{2,3} (\d+(?:\.\d+)?)\.? .*\n", CONTRACT, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def missing(text: str, citation: re.Pattern[str] = CITATION) -> list[str]:
    """Sections, and rows such as ``1.2 #10``, that a text cites and that do not exist."""
    known = sections()
    cited = [
        found for match in citation.finditer(text) for found in re.findall(rf"({_SECTION})(?:,?\s+#(\d+))?", match[1])
    ]
    return [
        f"{section} #{row}".removesuffix(" #")
        for section, row in cited
        if section not in known or (row and f"\n| {row} |" not in known[section])
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(contract 7.1)", []),
        ("(contract 12.1)", ["12.1"]),
        ("as contract section 13 has it", ["13"]),
        ("(contract 1.2 to 1.9)", ["1.9"]),
        ("(contract 4.9 and 15)", ["4.9", "15"]),
        ("(contract sections 1, 6 and 77)", ["77"]),
        ("(contract 4.2, 4.3 and section 12)", ["12"]),
        ("see contract\n        9.1", ["9.1"]),
        ("# see contract\n    # 9.1", ["9.1"]),
        ("CONTRACT.md 9.1", ["9.1"]),
        ("the body is contract 8.10. Where it is silent", ["8.10"]),
        ("(contract 1.2 #10)", []),
        ("(contract 1.2 #12)", ["1.2 #12"]),
        ("(contract 5.3 and the 99 rows of it)", []),
    ],
)
def test_a_cited_section_that_does_not_exist_is_found(text: str, expected: list[str]) -> None:
    assert expected == missing(text)


def test_every_cited_section_of_the_contract_exists() -> None:
    texts = {path: path.read_text("utf-8") for path in CITING if path.suffix in {".py", ".md", ".json", ".toml"}}
    citing = {path: text for path, text in texts.items() if path != Path(__file__)}

    assert sum(len(CITATION.findall(text)) for text in citing.values()) > 150
    assert {str(path.relative_to(PROJECT)): found for path, text in citing.items() if (found := missing(text))} == {}


def test_the_contract_cites_sections_of_its_own_that_exist() -> None:
    assert missing(CONTRACT, OWN_CITATION) == []


def test_the_table_of_contents_lists_every_section_in_order() -> None:
    contents = re.findall(r"^ *- \[(\d+(?:\.\d+)?)\.? (.*)\]\(#(.*)\)$", CONTRACT, re.MULTILINE)
    headings = re.findall(r"^#{2,3} ((\d+(?:\.\d+)?)\.? (.*))$", CONTRACT, re.MULTILINE)
    anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading, _, _ in headings]

    assert [(number, title, at) for (_, number, title), at in zip(headings, anchors, strict=True)] == contents


def test_every_mark_of_the_contract_is_explained() -> None:
    marks = set(re.findall(r"`\[([a-z ]+)\]`", CONTRACT))

    assert marks == set(re.findall(r"^\| `\[([a-z ]+)\]` \|", sections()["0"], re.MULTILINE))


@pytest.mark.parametrize("package", [influxdb3_engine_api, pulumi_influxdb3_engine, influxdb3_embedded])
def test_each_package_says_where_the_contract_is(package: object) -> None:
    assert "CONTRACT.md" in str(package.__doc__)
