"""Any points that are written are read again: compared with a plain dictionary."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from influxdb3_embedded.sql import ROWS, DatabaseRef, SqlEngine
from influxdb3_embedded.storage import Precision, Storage
from influxdb3_embedded.storage.batches import WrittenRows, build_batch
from influxdb3_embedded.storage.line_protocol import ParsedLines, parse
from influxdb3_embedded.storage.timestamps import resolve

Point = tuple[dict[str, str], dict[str, Any], int]

# A name has no newline or tab, and does not end with a backslash.
NAMES = st.text(st.characters(exclude_characters="\n\t", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: not name.endswith("\\")
)
FIELDS = {
    "f": st.floats(allow_nan=False, allow_infinity=False),
    "i": st.integers(-(2**63), 2**63 - 1),
    "u": st.integers(0, 2**64 - 1),
    "s": st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    "b": st.booleans(),
}
# Few series and times, so that points are overwritten; and the smallest and largest times.
TIMES = st.sampled_from([-(2**63), -1, 0, 1, 2, 3, 2**63 - 1]) | st.integers(-(2**63), 2**63 - 1)
POINTS: st.SearchStrategy[Point] = st.tuples(
    st.dictionaries(
        st.sampled_from(["t1", "t 2", "t,3=é"]), st.sampled_from(["a", "b=,c", r"d\e"]) | NAMES, max_size=2
    ),
    st.fixed_dictionaries({}, optional=FIELDS).filter(bool),
    TIMES,
)


def parse_all(body: str) -> ParsedLines:
    (parsed,) = parse(body, len(body) + 1)
    return parsed


def escaped(name: str) -> str:
    return re.sub(r"([,= \\])", r"\\\1", name)


def field_text(value: Any, name: str) -> str:
    match name:
        case "i":
            return f"{value}i"
        case "u":
            return f"{value}u"
        case "s":
            return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
        case "b":
            return "t" if value else "false"
        case _:
            return repr(value)


def line(point: Point, table: str = "m") -> str:
    tags, fields, time = point
    series = "".join(f",{escaped(key)}={escaped(value)}" for key, value in tags.items())
    return f"{table}{series} {','.join(f'{name}={field_text(value, name)}' for name, value in fields.items())} {time}"


@given(st.lists(st.tuples(st.lists(POINTS, min_size=1, max_size=12), st.booleans()), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_queries_return_the_same_points_as_a_dictionary(writes: list[tuple[list[Point], bool]]) -> None:
    model: dict[tuple[frozenset[tuple[str, str]], int], dict[str, Any]] = {}
    for points, _ in writes:
        for tags, fields, time in points:
            model.setdefault((frozenset(tags.items()), time), {}).update(fields)

    async def rows() -> list[dict[str, Any]]:
        with tempfile.TemporaryDirectory() as directory:
            storage = Storage(Path(directory))
            await storage.start()
            engine = SqlEngine(storage, lambda _: {}, 2**30)
            for points, snapshot in writes:
                body = "\n".join(map(line, points))
                assert (await storage.write(1, body, precision=Precision.NANOSECOND)).errors == []
                if snapshot:
                    await storage.snapshot()
            answer = await engine.answer(DatabaseRef(1, "d"), "SELECT * FROM m", None, ROWS)
            engine.close()
            await storage.stop()
            found: list[dict[str, Any]] = json.loads(answer)
            return found

    found = {}
    for row in asyncio.run(rows()):
        present = {name: value for name, value in row.items() if value is not None}
        time = present.pop("time")
        fields = {name: present.pop(name) for name in FIELDS if name in present}
        assert (frozenset(present.items()), time) not in found, "each point is there once"
        found[frozenset(present.items()), time] = fields
    assert model == found


@given(st.lists(POINTS, min_size=1, max_size=20))
@settings(max_examples=200, deadline=None)
def test_rows_for_plugins_are_the_lines_as_written(points: list[Point]) -> None:
    body = "\n".join(map(line, points))
    parsed = resolve(parse_all(body), Precision.NANOSECOND, 0)
    assert parsed.errors == []
    assert [{**tags, **fields, "time": time} for tags, fields, time in points] == list(
        WrittenRows(build_batch(parsed.groups))
    )


@given(st.text(st.sampled_from('m,t=a1i ."\\\n#-e\t'), max_size=30), st.integers(1, 4))
@settings(max_examples=300, deadline=None)
def test_repeated_lines_are_accepted_like_a_single_one(text: str, times: int) -> None:
    """The fast way for repeated lines accepts the same lines as the exact grammar."""
    alone = parse_all(text)
    if alone.errors or '"' in text or "\\" in text:  # then a line can continue in the next one
        return
    together = parse_all("\n".join([text] * times))
    assert times * alone.line_count == together.line_count
    assert together.errors == []
    assert {(group.table, group.fields) for group in alone.groups} == {
        (group.table, group.fields) for group in together.groups
    }
