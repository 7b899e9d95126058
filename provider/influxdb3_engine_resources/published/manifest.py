"""The manifest of a plugin, ``manifest.toml`` (schema 1): what it is, what it implements and what it needs."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Literal

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from influxdb3_engine_resources.published.errors import PublishedError
from influxdb3_engine_resources.published.semver import Version, VersionRange

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME = "manifest.toml"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
_SCHEMA_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})", re.ASCII)
_LONGEST_DESCRIPTION = 200


def canonical(name: str) -> str:
    """The form in which names of plugins are compared: ``Geo-Lookup`` and ``geo_lookup`` are one plugin."""
    return name.lower().replace("-", "_")


def plugin_name(name: str) -> str:
    """A plugin's name.

    Raises:
        ValueError: It has another form than manifests allow.
    """
    if not _NAME.fullmatch(name) or name.lower() in _DEVICES:
        raise ValueError(
            f"{name[:80]!r} is not a plugin's name: 1 to 64 ASCII letters, digits, '_' and '-', a letter first"
        )
    return name


def check_schema(document: Mapping[str, object], key: str, major: int, what: str) -> None:
    """Refuse a document of a schema that this release cannot read, before its fields are looked at.

    Raises:
        PublishedError: The version is missing, malformed, or has another major number.
    """
    version = document.get(key)
    found = _SCHEMA_VERSION.fullmatch(version) if isinstance(version, str) else None
    if found is None:
        raise PublishedError(f"{what}: {key} is missing or is not MAJOR.MINOR")
    if int(found[1]) != major:
        raise PublishedError(
            f"{what}: {key} is {version}; this release reads {major}.x: use a newer pulumi-influxdb3-engine"
        )


def problems(error: ValidationError) -> str:
    """What a document gets wrong, with the path of each field."""
    return "; ".join(
        f"{'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}" for each in error.errors()
    )


def _description(text: str) -> str:
    if not text or len(text) > _LONGEST_DESCRIPTION or "\n" in text or "\r" in text:
        raise ValueError(f"a description is one line of 1 to {_LONGEST_DESCRIPTION} characters")
    return text


def _url(text: str, schemes: tuple[str, ...] = ("https", "http")) -> str:
    scheme, separator, rest = text.partition("://")
    if scheme.lower() not in schemes or not separator or not rest:
        raise ValueError(f"a URL that begins with {' or '.join(f'{each}://' for each in schemes)} is needed")
    return text


def index_url(text: str) -> str:
    """The URL of a registry's index.

    Raises:
        ValueError: It has another scheme than ``https``, ``http`` and ``file``.
    """
    return _url(text, ("https", "http", "file"))


def _python(text: str) -> str:
    try:
        Requirement(text)
    except InvalidRequirement as error:
        raise ValueError(f"{text!r} is not a requirement of a Python package: {error}") from None
    return text


def _version(value: object) -> object:
    return Version.parse(value) if isinstance(value, str) else value


def _range(value: object) -> object:
    return VersionRange.parse(value) if isinstance(value, str) else value


PluginName = Annotated[str, AfterValidator(plugin_name)]
PluginVersion = Annotated[Version, BeforeValidator(_version)]
Range = Annotated[VersionRange, BeforeValidator(_range)]
IndexUrl = Annotated[str, AfterValidator(index_url)]
HomeUrl = Annotated[str, AfterValidator(_url)]
EntryPoint = Literal["process_writes", "process_scheduled_call", "process_request"]


class _Table(BaseModel):
    """Fields that a newer minor version of the schema adds are ignored."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="ignore", frozen=True)


class PluginDependency(_Table):
    """Another plugin that is needed: any version in a range, at one registry."""

    index_url: IndexUrl
    name: PluginName
    version: Range


class Dependencies(_Table):
    """What a plugin needs to run."""

    database_version: Range
    python: tuple[Annotated[str, AfterValidator(_python)], ...] = ()
    plugins: tuple[PluginDependency, ...] = ()


class PluginTable(_Table):
    """What a plugin is."""

    name: PluginName
    version: PluginVersion
    description: Annotated[str, AfterValidator(_description)]
    triggers: Annotated[tuple[EntryPoint, ...], Field(min_length=1)]
    homepage: HomeUrl | None = None
    repository: HomeUrl | None = None
    documentation: HomeUrl | None = None
    exclude: tuple[str, ...] = ()


class Manifest(_Table):
    """A plugin's manifest."""

    plugin: PluginTable
    dependencies: Dependencies


def parse_manifest(text: str, where: str) -> Manifest:
    """Read a manifest.

    Args:
        text: The text of ``manifest.toml``.
        where: What messages call the file.

    Raises:
        PublishedError: It is no manifest of schema 1; names all fields at fault.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PublishedError(f"{where} is not TOML: {error}") from None
    except RecursionError:
        raise PublishedError(f"{where} is nested deeper than Python can read") from None
    check_schema(document, "manifest_schema_version", 1, where)
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        raise PublishedError(f"{where}: {problems(error)}") from None
    seen = [(each.index_url, canonical(each.name)) for each in manifest.dependencies.plugins]
    if len(set(seen)) < len(seen):
        raise PublishedError(f"{where}: dependencies.plugins names one plugin twice")
    return manifest
