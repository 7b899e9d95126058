"""Versions and ranges, against a plain model of Cargo's rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from influxdb3_engine_resources.published.semver import Version, VersionRange

PRE_RELEASES = ["", "alpha", "alpha.1", "alpha.beta", "beta", "beta.2", "beta.11", "rc.1", "0", "1", "a-b"]
numbers = st.integers(0, 3)
versions = st.builds(
    lambda major, minor, patch, pre: f"{major}.{minor}.{patch}" + (f"-{pre}" if pre else ""),
    numbers,
    numbers,
    numbers,
    st.sampled_from(PRE_RELEASES),
)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("1.2", "1.2.0 1.9.9 1.2.0+build", "2.0.0 1.1.9 1.3.0-alpha 2.0.0-alpha"),
        ("^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2"),
        ("^0.0.3", "0.0.3", "0.0.4 0.0.2"),
        ("^0.0", "0.0.0 0.0.9", "0.1.0"),
        ("^0", "0.0.0 0.9.9", "1.0.0"),
        ("~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"),
        ("~1.2", "1.2.0 1.2.9", "1.3.0"),
        ("~1", "1.0.0 1.9.0", "2.0.0"),
        ("=1.2.3", "1.2.3 1.2.3+build.7", "1.2.4 1.2.3-rc.1"),
        ("=1.2", "1.2.0 1.2.7", "1.3.0 1.1.0"),
        (">1.2", "1.3.0", "1.2.9"),
        (">1", "2.0.0", "1.9.9"),
        ("<=1.2", "1.2.9 0.1.0", "1.3.0"),
        ("<1.2", "1.1.9", "1.2.0"),
        ("1.*", "1.0.0 1.9.9", "2.0.0"),
        ("1.2.*", "1.2.0 1.2.9", "1.3.0"),
        (">=1.*", "1.0.0 3.0.0", "0.9.9"),
        ("*", "0.0.0 9.9.9", "1.0.0-alpha"),
        (">=1.0.0,<2.0.0", "1.0.0 1.9.9", "2.0.0 2.0.0-alpha"),
        (">= 1.0.0 , < 2.0.0", "1.0.0", "2.0.0"),
        (">=1.0.0-rc.1", "1.0.0-rc.2 1.0.0 2.0.0", "1.1.0-rc.2 1.0.0-beta"),
    ],
)
def test_a_range_holds_what_cargo_says(text: str, inside: str, outside: str) -> None:
    found = VersionRange.parse(text)

    assert [each for each in inside.split() if Version.parse(each) not in found] == []
    assert [each for each in outside.split() if Version.parse(each) in found] == []


@pytest.mark.parametrize(
    "text",
    ["", ",", "1,", ">=", "1.2.3.4", "*.1", "1.*.2", "01.2", "1.2-rc.1", ">=1.0.0 <2.0.0", "1.0.0-01", "latest", "*,1"],
)
def test_what_is_not_a_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"range|pre-release"):
        VersionRange.parse(text)


@pytest.mark.parametrize(
    "text", ["1", "1.2", "v1.2.3", "1.2.3-", "1.2.3-01", "1.02.3", "1.2.3+", "1.2.3 ", "99999999999999999999.0.0"]
)
def test_what_is_not_a_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"version|pre-release"):
        Version.parse(text)


def test_versions_are_ordered_as_semver_says() -> None:
    ordered = "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1"

    assert [str(each) for each in sorted(map(Version.parse, reversed(ordered.split())))] == ordered.split()


@given(versions, versions)
def test_the_order_is_that_of_a_plain_model(left: str, right: str) -> None:
    def key(text: str) -> tuple[list[int], int, list[tuple[int, int, str]]]:
        release, _, pre = text.partition("-")
        identifiers = [(0, int(each), "") if each.isdigit() else (1, 0, each) for each in pre.split(".") if each]
        return [int(each) for each in release.split(".")], 0 if pre else 1, identifiers

    assert (Version.parse(left) < Version.parse(right)) is (key(left) < key(right))
    assert (Version.parse(left) == Version.parse(right)) is (key(left) == key(right))


def bounds(operator: str, parts: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The first release in a range of one comparator, and the first after it, by enumeration of the documentation."""
    low = (*parts, 0, 0)[:3]
    end = (9, 9, 9)
    major, minor, patch = low
    after = {1: (major + 1, 0, 0), 2: (major, minor + 1, 0), 3: (major, minor, patch + 1)}
    match operator:
        case ">=":
            return low, end
        case ">":
            return after[len(parts)], end
        case "<":
            return (0, 0, 0), low
        case "<=":
            return (0, 0, 0), after[len(parts)]
        case "=":
            return low, after[len(parts)]
        case "~":
            return low, after[min(len(parts), 2)]
    place = next((place for place, number in enumerate(parts, 1) if number), len(parts))
    return low, after[place]


@given(st.sampled_from([">=", ">", "<", "<=", "=", "~", "^", ""]), st.lists(numbers, min_size=1, max_size=3), versions)
def test_a_comparator_holds_what_a_plain_model_says(operator: str, parts: list[int], version: str) -> None:
    low, end = bounds(operator, parts)
    release = tuple(int(each) for each in version.partition("-")[0].split("."))
    expected = low <= release < end and "-" not in version

    assert (Version.parse(version) in VersionRange.parse(operator + ".".join(map(str, parts)))) is expected


@given(st.text(max_size=40))
def test_no_text_breaks_the_readers(text: str) -> None:
    for read in (Version.parse, VersionRange.parse):
        try:
            read(text)
        except ValueError as error:
            assert str(error)  # noqa: PT017 - that it is no other error is the test
