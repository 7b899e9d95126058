"""The packages that the sets of one program declare; finds contradictions offline."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from packaging.version import Version

from influxdb3_engine_resources.packages.requirements import distribution

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

    def __bool__(self) -> bool:
        return bool(self._sets)

    def declare(self, set_name: str, requirements: Sequence[Requirement]) -> list[str]:
        """Note the requirements of a set; sets in different components may have the same name.

        Returns:
            Contradictions with other sets of the program: one text for each.
        """
        with self._guard:
            self._sets[_key(set_name, requirements)] = requirements
        others = self.others(set_name, requirements)
        return [text for mine in requirements for other in others if (text := _contradiction(mine, other))]

    def others(self, set_name: str, requirements: Sequence[Requirement]) -> list[DeclaredRequirement]:
        """Requirements of all sets but the one with this name and these requirements."""
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
    both = mine.specifier & theirs.specifier
    # only pip on the server can judge a marker, a URL, or `===`, which may stand before any text
    if distribution(mine) != distribution(theirs) or any((mine.marker, theirs.marker, mine.url, theirs.url)):
        return None
    if any(specifier.operator == "===" for specifier in both):
        return None
    if any(both.contains(version, prereleases=True) for version in _candidates(mine, theirs)):
        return None
    return (
        f"{mine.name}{mine.specifier} cannot be installed together with {theirs.name}{theirs.specifier} of "
        f"PackageSet {other.set_name!r}, since a server has one environment for all plugins: change one of them"
    )


def _candidates(*requirements: Requirement) -> Iterable[Version]:
    """Versions to try: if any version meets all specifiers, one of these does. Ranges begin at or after a bound."""
    yield Version("0")
    for requirement in requirements:
        for specifier in requirement.specifier:
            bound = Version(specifier.version.removesuffix(".*"))
            epoch = f"{bound.epoch}!" if bound.epoch else ""
            yield bound
            yield Version(f"{epoch}{_dotted(bound.release)}.0.0.0.1")
            for place, number in enumerate(bound.release):  # 2 and 1.5 come after every 1.4.x
                yield Version(f"{epoch}{_dotted((*bound.release[:place], number + 1))}")


def _dotted(release: Iterable[int]) -> str:
    return ".".join(map(str, release))
