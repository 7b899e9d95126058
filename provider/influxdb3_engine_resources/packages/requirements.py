"""Parsing requirement specifiers and requirements files, to verify an installation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from influxdb3_engine_api.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_COMMENT = re.compile(r"(^|\s)#.*$")
_END_OF_NAME = re.compile(r"[\s;@\[]")
_ARCHIVES = (".whl", ".tar.gz", ".zip")
_LOCATION = re.compile(r"(?P<location>[^\s;\[\]]+)(?P<extras>\[[^]]*\])?\s*(?P<marker>;.*)?")
_OF_OTHER_FILES = re.compile(r"(-r|-e|--requirement|--editable)\b")
_ON_SERVER = re.compile(r"(/|[A-Za-z]:[\\/]|(file|https?)://)")
_PER_REQUIREMENT_OPTIONS = re.compile(r"\s--?[A-Za-z].*$")


class RequirementsError(ValueError):
    """An invalid requirement; the text says which and why."""


def parse_package(text: str) -> Requirement:
    """The requirement behind one entry of ``packages``: a specifier, or a wheel by URL or by path on the server.

    Raises:
        RequirementsError: The entry is invalid; does not repeat it, since it may hold a URL with a password.
    """
    if _is_location(text):
        return _parse_location(text)
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        reason = shown(str(error).splitlines()[0])
        raise RequirementsError(f"write a requirement specifier such as 'NAME>=VERSION': {reason}") from None


def parse_requirements(text: str) -> list[Requirement]:
    """The requirements of a requirements file that name a distribution.

    Skips options (``--index-url``, ``--hash``, ``-r``) and locations without a name: only pip can judge them.

    Raises:
        RequirementsError: A line is neither a requirement nor an option; says which.
    """
    requirements = []
    for number, bare in _bare_lines(text):
        if bare.startswith("-") or _is_location(bare):
            continue
        try:
            requirements.append(parse_package(_PER_REQUIREMENT_OPTIONS.sub("", bare)))
        except RequirementsError as error:
            raise RequirementsError(f"line {number}: {error}") from None
    return requirements


def parse_locations(text: str) -> tuple[list[Requirement], list[int]]:
    """The lines of a requirements file that name no distribution.

    Returns:
        The requirements behind wheels, by their file names, and the numbers of the lines that install unknown packages.
    """
    requirements, unknown = [], []
    for number, bare in _bare_lines(text):
        if _OF_OTHER_FILES.match(bare):
            unknown.append(number)
        elif bare.startswith("-") or not _is_location(bare):
            continue
        elif requirement := _of_wheel(_PER_REQUIREMENT_OPTIONS.sub("", bare)):
            requirements.append(requirement)
        else:
            unknown.append(number)
    return requirements, unknown


def _of_wheel(line: str) -> Requirement | None:
    """The requirement behind the location of a wheel, with extras and marker; None for other locations."""
    parts = _LOCATION.fullmatch(line)
    wheel = _wheel(parts["location"]) if parts else None
    if not parts or not wheel:
        return None
    try:
        return Requirement(f"{wheel[0]}{parts['extras'] or ''}=={wheel[1]}{parts['marker'] or ''}")
    except InvalidRequirement:
        return None


def names_version(requirement: Requirement) -> bool:
    """Whether the installed version can be verified: not for the URL of an sdist or a repository."""
    return requirement.url is None or _wheel(requirement.url) is not None


def _wheel(location: str) -> tuple[str, Version] | None:
    """Name and version of the wheel at a location, by its file name; None if it is no wheel."""
    try:
        name, version, *_ = parse_wheel_filename(_file_name(location))
    except ValueError:  # an invalid URL, or another kind of file
        return None
    return name, version


def _file_name(location: str) -> str:
    return unquote(urlsplit(location).path).rpartition("/")[2]


def _parse_location(text: str) -> Requirement:
    """The distribution and version of an archive at a path or a URL, by its file name."""
    location, bracket, extras = text.partition("[")
    if not _ON_SERVER.match(location):
        raise RequirementsError(
            "the path is relative to the server's working directory: write an absolute path on the server"
        )
    file_name = _file_name(location)
    try:
        if file_name.endswith(".whl"):
            name, version, *_ = parse_wheel_filename(file_name)
        else:
            name, version = parse_sdist_filename(file_name)
    except (InvalidWheelFilename, InvalidSdistFilename):
        raise RequirementsError(
            "the file name does not hold the distribution and its version: write 'NAME @ URL'"
        ) from None
    return Requirement(f"{name}{bracket}{extras}=={version}")


def applicable(
    requirements: Sequence[Requirement], environment: Mapping[str, str], *, extra: str = ""
) -> list[Requirement]:
    """The requirements whose markers hold in an environment with this extra."""
    return [
        requirement
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate(dict(environment) | {"extra": extra})
    ]


def unmet(requirement: Requirement, installed: Mapping[str, str | None]) -> str | None:
    """Why the installed versions do not meet a requirement, or None if they do."""
    version = installed.get(distribution(requirement))
    if version is None:
        return f"{requirement.name} is not installed"
    try:
        Version(version)
    except InvalidVersion:
        return f"{requirement.name} is installed with an invalid version: {shown(version, longest=100)}"
    wheel = _wheel(requirement.url) if requirement.url is not None else None
    if wheel and not SpecifierSet(f"=={wheel[1]}").contains(version, prereleases=True):
        return f"{requirement.name} is installed in version {version}, not {wheel[1]}"
    # pip may have installed a pre-release
    if requirement.url is None and not requirement.specifier.contains(version, prereleases=True):
        return f"{requirement.name} is installed in version {version}, not {requirement.specifier}"
    return None


def distribution(requirement: Requirement) -> str:
    """The normalised name of a requirement's distribution."""
    return canonicalize_name(requirement.name)


def _bare_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, without comments and empty lines."""
    for number, line in _joined_lines(text):
        if bare := _COMMENT.sub("", line).strip():
            yield number, bare


def _joined_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines joined at a final backslash as pip does, with the number of the first; comments are not joined."""
    parts: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        is_comment = line.lstrip().startswith("#")
        goes_on = line.endswith("\\") and not is_comment
        # the blank lets a comment at the end of joined lines begin
        parts.append(line.strip("\\") if goes_on else f" {line}" if is_comment else line)
        if not goes_on:
            yield number - len(parts) + 1, "".join(parts)
            parts.clear()
    if parts:
        yield number - len(parts) + 1, "".join(parts)


def _is_location(line: str) -> bool:
    """Whether a line is a path or a URL: a distribution's name holds no ``/`` or ``:``."""
    head = _END_OF_NAME.split(line, maxsplit=1)[0]
    return head.startswith(".") or "/" in head or ":" in head or head.endswith(_ARCHIVES)
