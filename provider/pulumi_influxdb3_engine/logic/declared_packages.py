"""Which packages the sets of one program declare, so that two that cannot be met together are found offline."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from packaging.version import Version

from pulumi_influxdb3_engine.logic.requirements import distribution

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packaging.requirements import Requirement


class DeclaredRequirement(NamedTuple):
    """A requirement and the package set that declares it."""

    set_name: str
    requirement: Requirement


class DeclaredPackages:
    """The package sets that a program declares; safe to share between threads."""

    def __init__(self) -> None:
        self._sets: dict[tuple[str, frozenset[str]], Sequence[Requirement]] = {}
        self._guard = threading.Lock()

    def declare(self, set_name: str, requirements: Sequence[Requirement]) -> list[str]:
        """Note what a set asks for; sets in different components may have one name.

        Returns:
            Why it cannot be met together with what other sets of that engine ask for; one text a distribution.
        """
        with self._guard:
            self._sets[_key(set_name, requirements)] = requirements
        others = self.others(set_name, requirements)
        return [text for mine in requirements for other in others if (text := _contradiction(mine, other))]

    def others(self, set_name: str, requirements: Sequence[Requirement]) -> list[DeclaredRequirement]:
        """What the sets ask for that are not the one with this name and these requirements."""
        mine = _key(set_name, requirements)
        with self._guard:
            return [
                DeclaredRequirement(key[0], requirement)
                for key, theirs in self._sets.items()
                if key != mine
                for requirement in theirs
            ]


def _key(set_name: str, requirements: Sequence[Requirement]) -> tuple[str, frozenset[str]]:
    return set_name, frozenset(map(str, requirements))


def _contradiction(mine: Requirement, other: DeclaredRequirement) -> str | None:
    theirs = other.requirement
    # where a marker or a URL decides, only the server can tell
    if distribution(mine) != distribution(theirs) or any((mine.marker, theirs.marker, mine.url, theirs.url)):
        return None
    both = mine.specifier & theirs.specifier
    if any(both.contains(version, prereleases=True) for version in _candidates(mine, theirs)):
        return None
    return (
        f"{mine.name}{mine.specifier} cannot be installed together with {theirs.name}{theirs.specifier} of "
        f"PackageSet {other.set_name!r}: an engine has one environment for all plugins"
    )


def _candidates(*requirements: Requirement) -> Iterable[Version]:
    """Versions of which one meets several specifiers, if any does: where their ranges end, and just beside."""
    yield Version("0")
    yield Version("99999999")
    for requirement in requirements:
        for specifier in requirement.specifier:
            bound = Version(specifier.version.removesuffix(".*"))
            release = ".".join(map(str, bound.release))
            epoch = f"{bound.epoch}!" if bound.epoch else ""
            yield bound
            yield Version(f"{epoch}{release}.0.0.0.1")
            yield Version(f"{epoch}{release}.1")
            yield from _just_below(epoch, bound.release)


def _just_below(epoch: str, release: tuple[int, ...]) -> Iterable[Version]:
    for place in range(len(release)):
        if release[place]:
            lower = [*release[:place], release[place] - 1, 99999999]
            yield Version(epoch + ".".join(map(str, lower)))
