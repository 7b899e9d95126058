"""Whether requirements are met, by the report of the probe: versions, extras and reinstallation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from influxdb3_engine_resources.packages.requirements import applicable, distribution, unmet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from influxdb3_engine_resources.server.probe import ProbeReport


def shortcomings(requirements: Sequence[Requirement], report: ProbeReport) -> list[tuple[Requirement, str]]:
    """The requirements for the server's environment that are not met, each with the reason."""
    asked = applicable(requirements, report.environment)
    return [(each, text) for each in asked if (text := shortcoming(each, report))]


def shortcoming(requirement: Requirement, report: ProbeReport) -> str | None:
    """Why a requirement or its extras are not met, or None if they are."""
    if text := unmet(requirement, report.distributions):
        return text
    dependencies = _of_extras(requirement, report, set())
    lacking = dict.fromkeys(text for each in dependencies if (text := unmet(each, report.distributions)))
    if lacking:
        return f"{requirement.name}[{','.join(sorted(requirement.extras))}] lacks dependencies: {', '.join(lacking)}"
    return None


def not_reinstalled(requirements: Sequence[Requirement], before: ProbeReport, report: ProbeReport) -> list[str]:
    """One text for each requirement that pip should have installed again and did not."""
    return [
        f"{each.name} was not installed again"
        for each in applicable(requirements, report.environment)
        if (at := before.installed_at.get(distribution(each))) is not None
        and at == report.installed_at.get(distribution(each))
    ]


def _of_extras(requirement: Requirement, report: ProbeReport, seen: set[tuple[str, str]]) -> Iterator[Requirement]:
    """Dependencies of the extras of a requirement, and of the extras of those dependencies."""
    name = distribution(requirement)
    for extra in requirement.extras:
        if (name, extra) in seen:  # an extra may name another extra of its distribution
            continue
        seen.add((name, extra))
        for text in report.requires.get(name, ()):
            try:
                dependency = Requirement(text)
            except InvalidRequirement:
                continue  # metadata from before the rules; pip ignores it, too
            without, with_extra = (applicable([dependency], report.environment, extra=each) for each in ("", extra))
            if with_extra and not without:
                yield dependency
                yield from _of_extras(dependency, report, seen)
