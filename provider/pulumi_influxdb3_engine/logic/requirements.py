"""Requirement specifiers and requirements files, as far as verifying an installation needs them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_COMMENT = re.compile(r"(^|\s)#.*$")
_PER_REQUIREMENT_OPTIONS = re.compile(r"\s--?[A-Za-z].*$")


class RequirementsError(ValueError):
    """A requirement that pip would not take; the text says which and why."""


def parse_packages(packages: Sequence[str]) -> list[Requirement]:
    """The requirements behind ``packages``.

    Raises:
        RequirementsError: One of them is no requirement specifier.
    """
    return [_requirement(package, f"packages.{at}") for at, package in enumerate(packages)]


def parse_requirements(text: str) -> list[Requirement]:
    """The requirements of a requirements file; options (``--index-url``, ``--hash``, ``-r``) are pip's own business.

    Raises:
        RequirementsError: A line is neither a requirement nor an option; says which.
    """
    requirements = []
    joined = re.sub(r"\\\r?\n", " ", text)
    for number, line in enumerate(joined.splitlines(), 1):
        bare = _COMMENT.sub("", line).strip()
        if not bare or bare.startswith("-"):
            continue
        if _is_location(bare):
            continue
        requirements.append(_requirement(_PER_REQUIREMENT_OPTIONS.sub("", bare), f"line {number}"))
    return requirements


def wanted(requirements: Sequence[Requirement], environment: Mapping[str, str]) -> list[Requirement]:
    """Those of the requirements whose markers hold in an environment."""
    return [
        requirement
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate(dict(environment) | {"extra": ""})
    ]


def unmet(requirement: Requirement, installed: Mapping[str, str | None]) -> str | None:
    """What is wrong with a requirement given the installed versions, or ``None`` where it is met."""
    version = installed.get(distribution(requirement))
    if version is None:
        return f"{requirement.name} is not installed"
    # a URL says which file, not which version; a pre-release that is installed meets what pip was asked for
    if requirement.url is None and not requirement.specifier.contains(version, prereleases=True):
        return f"{requirement.name} is installed in version {version}, not {requirement.specifier}"
    return None


def distribution(requirement: Requirement) -> str:
    """The normalised name of a requirement's distribution."""
    return canonicalize_name(requirement.name)


def _is_location(line: str) -> bool:
    return line.startswith((".", "/")) or line.endswith((".whl", ".tar.gz", ".zip"))


def _requirement(text: str, where: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise RequirementsError(f"{where}: {text!r} is no requirement specifier: {reason}") from None
