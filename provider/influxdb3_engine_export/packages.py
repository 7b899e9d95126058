"""Which installed packages a program has to name: those that no other package requires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from influxdb3_engine_resources.packages.requirements import applicable, distribution

if TYPE_CHECKING:
    from collections.abc import Iterable

    from influxdb3_engine_resources.server.probe import ProbeReport

_OF_THE_ENVIRONMENT = {"pip", "setuptools", "wheel", "uv", "distribute", "pkg-resources"}
"""Installed in virtual environments by those who make them."""


def pinned_packages(report: ProbeReport) -> list[str]:
    """Specifiers such as ``numpy==2.1.0`` of the packages that no other installed package requires.

    Of packages that require each other, names one.

    Args:
        report: What the probe says about all installed packages.
    """
    installed = {
        name: version
        for name, version in sorted(report.distributions.items())
        if version is not None and name not in _OF_THE_ENVIRONMENT
    }
    required = {name: _required(name, report) for name in installed}
    roots = installed.keys() - {each for name, others in required.items() for each in others if each != name}
    reached = _reached(roots, required)
    for name in installed:
        if name not in reached:
            roots |= {name}
            reached |= _reached([name], required)
    return [f"{name}=={installed[name]}" for name in sorted(roots)]


def _required(name: str, report: ProbeReport) -> set[str]:
    found = []
    for text in report.requires.get(name, ()):
        try:
            found.append(Requirement(text))
        except InvalidRequirement:  # metadata from before the rules; pip ignores it, too
            continue
    return {distribution(each) for each in applicable(found, report.environment)}


def _reached(names: Iterable[str], required: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += required.get(name, ())
    return reached
