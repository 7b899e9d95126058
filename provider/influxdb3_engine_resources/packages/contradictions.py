"""Finds requirements that no version of a package meets together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from influxdb3_engine_resources.packages.requirements import distribution

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.requirements import Requirement


def contradiction(mine: Requirement, other_set: str, theirs: Requirement) -> str | None:
    """Why two requirements cannot be met together, or None if they can.

    Args:
        mine: A requirement.
        other_set: Name of the package set that declares the other one.
        theirs: The other requirement.
    """
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
        f"PackageSet {other_set!r}, since a server has one environment for all plugins: change one of them"
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
