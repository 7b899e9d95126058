"""Versions as SemVer 2.0.0 orders them, and ranges of versions as Cargo reads them.

Manifests and registries use the syntax of Rust's ``semver`` crate: ``1.2`` is ``^1.2``, comparators are joined by
commas, and a pre-release is in a range only if a comparator names a pre-release of the same three numbers.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import total_ordering
from typing import NamedTuple

_NUMBER = r"(?:0|[1-9][0-9]*)"
_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(
    rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER})"
    rf"(?:-(?P<pre>{_IDENTIFIERS}))?(?:\+(?P<build>{_IDENTIFIERS}))?",
    re.ASCII,
)
_COMPARATOR = re.compile(
    rf"(?P<operator>=|>=|>|<=|<|~|\^)?\s*(?P<major>{_NUMBER}|[*xX])"
    rf"(?:\.(?P<minor>{_NUMBER}|[*xX])(?:\.(?P<patch>{_NUMBER}|[*xX])"
    rf"(?:-(?P<pre>{_IDENTIFIERS}))?(?:\+{_IDENTIFIERS})?)?)?",
    re.ASCII,
)
_LARGEST = 2**64 - 1
_LONGEST = 256
_MOST_COMPARATORS = 32


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A version; two that differ only in their build metadata are equal.

    Attributes:
        release: Major, minor and patch.
        pre: Identifiers of the pre-release; empty for a release.
        text: As it is written.
    """

    release: tuple[int, int, int]
    pre: tuple[str, ...]
    text: str

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read a version such as ``1.2.0-rc.1+build.7``.

        Raises:
            ValueError: It is not a version of SemVer 2.0.0.
        """
        found = _VERSION.fullmatch(text) if len(text) <= _LONGEST else None
        if found is None:
            raise ValueError(f"{text[:_LONGEST]!r} is not a version: write MAJOR.MINOR.PATCH, such as 1.2.0")
        return cls(_release(found), _pre(found["pre"]), text)

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, Version) else NotImplemented

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[tuple[int, int, int], bool, tuple[tuple[bool, int, str], ...]]:
        """Numbers come before texts, fewer identifiers before more, and a pre-release before its release."""
        identifiers = tuple(
            (not each.isdigit(), int(each) if each.isdigit() else 0, each if not each.isdigit() else "")
            for each in self.pre
        )
        return self.release, not self.pre, identifiers


class _Comparator(NamedTuple):
    """One comparator; ``None`` stands for a number that is left out, or for ``*``."""

    operator: str
    major: int
    minor: int | None
    patch: int | None
    pre: tuple[str, ...]

    def matches(self, version: Version) -> bool:
        low = Version((self.major, self.minor or 0, self.patch or 0), self.pre, "")
        match self.operator:
            case ">=":
                return version >= low
            case "<":
                return version < low
            case ">":
                return version > low if self.patch is not None else version.release >= self._next()
            case "<=":
                return version <= low if self.patch is not None else version.release < self._next()
            case "=" if self.patch is not None:
                return version == low
            case "~" | "=":
                return version >= low and version.release < self._next(at_most=2)
        return version >= low and version.release < self._next_breaking()

    def names_pre_release_of(self, version: Version) -> bool:
        return bool(self.pre) and (self.major, self.minor, self.patch) == version.release

    def _next(self, at_most: int = 3) -> tuple[int, int, int]:
        """The first release after all that begin with the numbers that are written, or with so many of them."""
        if self.minor is None:
            return self.major + 1, 0, 0
        if self.patch is None or at_most < 3:
            return self.major, self.minor + 1, 0
        return self.major, self.minor, self.patch + 1

    def _next_breaking(self) -> tuple[int, int, int]:
        """The first release that a caret excludes: the leftmost number that is not 0 stays the same."""
        if self.major or self.minor is None:
            return self.major + 1, 0, 0
        if self.minor or self.patch is None:
            return 0, self.minor + 1, 0
        return 0, 0, self.patch + 1


@dataclass(frozen=True, slots=True)
class VersionRange:
    """A range of versions, such as ``>=1.0.0, <2.0.0``, ``~1.4``, ``1.*`` or ``*``.

    Attributes:
        comparators: All of them hold for a version in the range; none for ``*``.
        text: As it is written.
    """

    comparators: tuple[_Comparator, ...]
    text: str

    @classmethod
    def parse(cls, text: str) -> VersionRange:
        """Read a range.

        Raises:
            ValueError: It is not a range as Cargo reads them.
        """
        parts = [part.strip() for part in text[: _LONGEST * 4].split(",")]
        if len(text) > _LONGEST * 4 or len(parts) > _MOST_COMPARATORS:
            raise ValueError(f"a range of versions has at most {_MOST_COMPARATORS} comparators")
        if parts in (["*"], ["x"], ["X"]):
            return cls((), text)
        return cls(tuple(_comparator(part, text) for part in parts), text)

    def __str__(self) -> str:
        return self.text

    def __contains__(self, version: Version) -> bool:
        return all(each.matches(version) for each in self.comparators) and (
            not version.pre or any(each.names_pre_release_of(version) for each in self.comparators)
        )


def _comparator(part: str, text: str) -> _Comparator:
    found = _COMPARATOR.fullmatch(part)
    numbers = [found[name] for name in ("major", "minor", "patch")] if found else []
    written = [None if number is None or number in "*xX" else int(number) for number in numbers]
    wildcard = any(number is not None and number in "*xX" for number in numbers)
    gap = any(left is None and right is not None for left, right in itertools.pairwise(written))
    if (
        found is None
        or written[0] is None
        or gap
        or (wildcard and found["pre"])
        or max(number or 0 for number in written) > _LARGEST
    ):
        raise ValueError(f"{text!r} is not a range of versions: write such as '>=1.2.0, <2.0.0', '^1.2' or '=1.4.0'")
    operator = found["operator"] or ("=" if wildcard else "^")
    return _Comparator(operator, written[0], written[1], written[2], _pre(found["pre"]))


def _release(found: re.Match[str]) -> tuple[int, int, int]:
    release = (int(found["major"]), int(found["minor"]), int(found["patch"]))
    if max(release) > _LARGEST:
        raise ValueError("a number of a version is larger than 64 bits hold")
    return release


def _pre(text: str | None) -> tuple[str, ...]:
    identifiers = tuple(text.split(".")) if text else ()
    if any(each.isdigit() and each != "0" and each.startswith("0") for each in identifiers):
        raise ValueError(f"{text!r}: a number in a pre-release begins with no 0")
    return identifiers
