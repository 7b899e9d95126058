"""A registry of plugins: its index, which version a range comes to, and the archive of a version."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictBool, ValidationError

from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_resources.published.archive import LARGEST_ARCHIVE, as_text, unpack, verify
from influxdb3_engine_resources.published.cache import RegistryCache
from influxdb3_engine_resources.published.download import download, is_local
from influxdb3_engine_resources.published.errors import PublishedError
from influxdb3_engine_resources.published.layout import PublishedPlugin
from influxdb3_engine_resources.published.manifest import (
    PluginName,
    PluginVersion,
    canonical,
    check_schema,
    index_url,
    plugin_name,
    problems,
)
from influxdb3_engine_resources.published.semver import Version, VersionRange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

INFLUXDATA = "https://github.com/influxdata/influxdb3_plugins/releases/download/registry/index.json"
"""The index of InfluxData's registry."""
INDEX_SECONDS = 24 * 3600.0
"""How long an index that was read is used without asking the registry again."""
_LARGEST_INDEX = 16 * 1024 * 1024
_MOST_LISTED = 12


def _sha256(text: str) -> str:
    digest = text.removeprefix("sha256:")
    if digest == text or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError("a hash is 'sha256:' and 64 hexadecimal digits")
    return digest


class IndexEntry(BaseModel):
    """One published version; ``hash`` is the SHA-256 of its archive in hexadecimal."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="ignore", frozen=True)

    name: PluginName
    version: PluginVersion
    hash: Annotated[str, AfterValidator(_sha256)]
    yanked: StrictBool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a registry.

    Attributes:
        name: The plugin.
        version: An exact version, or a range.
    """

    name: str
    version: Version | VersionRange

    @classmethod
    def parse(cls, name: str, version: str) -> Wanted:
        """Read a name and a version: ``1.4.0`` is that version, all else is a range such as ``^1.4`` or ``1.4``.

        Raises:
            ValueError: One of them has an invalid form.
        """
        try:
            return cls(plugin_name(name), Version.parse(version))
        except ValueError:
            return cls(plugin_name(name), VersionRange.parse(version))


class Registry:
    """A registry of plugins.

    Args:
        url: URL of its index.
        warn: Called with what a user should know.

    Raises:
        PublishedError: The URL has another scheme than ``https``, ``http`` and ``file``.
    """

    def __init__(self, url: str, warn: Callable[[str], None]) -> None:
        try:
            self.url = index_url(url)
        except ValueError as error:
            raise PublishedError(f"the registry {shown(url)}: {error}") from None
        self._warn = warn
        self._cache = RegistryCache()
        self._index: Mapping[str, Any] | None = None
        self._is_fresh = False

    def find(self, wanted: Wanted) -> IndexEntry:
        """The version that a program asks for: the exact one, or the newest of a range that is not yanked.

        Raises:
            PublishedError: The registry has no such version; lists the versions it has.
        """
        entries = self._entries(wanted.name)
        found = _best(entries, wanted.version)
        if found is None and not self._is_fresh:  # it may have been published since the index was kept
            entries = self._entries(wanted.name, fresh=True)
            found = _best(entries, wanted.version)
        if found is None:
            raise PublishedError(self._unknown(wanted, entries))
        if found.yanked:
            self._warn(
                f"plugin {found.name} {found.version} is yanked: its publisher advises against it. {_newest(entries)}"
            )
        return found

    def plugin(self, entry: IndexEntry) -> PublishedPlugin:
        """The plugin of a version: its archive is verified before a byte of it is used.

        Raises:
            PublishedError: The archive cannot be read, has another hash, or is not a plugin of that version.
        """
        name = f"{entry.name}-{entry.version}"
        base = self._read_index().get("artifacts_url")
        if not isinstance(base, str) or urlsplit(base).scheme.lower() not in ("https", "http", "file"):
            raise PublishedError(f"the registry {shown(self.url)}: artifacts_url is not an https, http or file URL")
        url = f"{base.rstrip('/')}/{quote(name, safe='+')}.tar.gz"
        where = f"the archive {shown(url)}"
        key = f"{url}#{entry.hash}"
        data = None if is_local(url) else self._cache.read(key)
        if data is not None:
            try:
                verify(data, entry.hash, where)
            except PublishedError:  # of a damaged disk
                data = None
        if data is None:
            data = download(url, LARGEST_ARCHIVE)
            verify(data, entry.hash, where)
            if not is_local(url):
                self._cache.keep(key, data)
        files = {path: as_text(content) for path, content in unpack(data, where, root=name).items()}
        plugin = PublishedPlugin(files, where)
        declared = plugin.manifest.plugin
        if (declared.name, declared.version.text) != (entry.name, entry.version.text):
            raise PublishedError(f"{where} holds the plugin {declared.name} {declared.version}")
        return plugin

    def _entries(self, name: str, *, fresh: bool = False) -> list[IndexEntry]:
        """Versions of a plugin, oldest first; the entries of other plugins are not looked at."""
        entries = []
        for entry in self._read_index(fresh=fresh)["plugins"]:
            if isinstance(entry, dict) and canonical(str(entry.get("name"))) == canonical(name):
                try:
                    entries.append(IndexEntry.model_validate(entry))
                except ValidationError as error:
                    raise PublishedError(f"the registry {shown(self.url)}: {name}: {shown(problems(error))}") from None
        entries.sort(key=lambda entry: entry.version)
        if len({entry.version for entry in entries}) < len(entries):
            raise PublishedError(f"the registry {shown(self.url)} has a version of {name} twice")
        return entries

    def _read_index(self, *, fresh: bool = False) -> Mapping[str, Any]:
        if self._index is not None and (self._is_fresh or not fresh):
            return self._index
        kept = None if fresh or is_local(self.url) else self._cache.read(self.url, newer_than_seconds=INDEX_SECONDS)
        self._is_fresh = kept is None
        if kept is not None:
            self._index = self._parsed(kept)
            return self._index
        try:
            data = download(self.url, _LARGEST_INDEX)
            self._index = self._parsed(data)
        except PublishedError as error:
            older = None if is_local(self.url) else self._cache.read(self.url)
            if older is None:
                raise PublishedError(f"the registry cannot be read: {error}") from None
            self._warn(f"the registry cannot be read, so that an older copy of its index is used: {error}")
            self._index = self._parsed(older)
        else:
            if not is_local(self.url):
                self._cache.keep(self.url, data)
        return self._index

    def _parsed(self, data: bytes) -> Mapping[str, Any]:
        where = f"the index {shown(self.url)}"
        try:
            index = json.loads(data)
        except (ValueError, RecursionError):
            raise PublishedError(f"{where} is not JSON") from None
        if not isinstance(index, dict):
            raise PublishedError(f"{where} is not a JSON object")
        check_schema(index, "index_schema_version", 2, where)
        if not isinstance(index.get("plugins"), list):
            raise PublishedError(f"{where}: plugins is not a list")
        return index

    def _unknown(self, wanted: Wanted, entries: list[IndexEntry]) -> str:
        where = f"the registry {shown(self.url)}"
        if not entries:
            names = {
                str(each["name"]) for each in self._read_index()["plugins"] if isinstance(each, dict) and "name" in each
            }
            near = difflib.get_close_matches(wanted.name, names, _MOST_LISTED // 4) or sorted(names)[:_MOST_LISTED]
            return (
                f"{where} has no plugin {wanted.name!r}: it has {shown(', '.join(near))}"
                if near
                else f"{where} is empty"
            )
        versions = [f"{entry.version}{' (yanked)' if entry.yanked else ''}" for entry in reversed(entries)]
        more = f" and {len(versions) - _MOST_LISTED} older" if len(versions) > _MOST_LISTED else ""
        return f"{where} has no {wanted.name} {wanted.version}: it has {', '.join(versions[:_MOST_LISTED])}{more}"


def _best(entries: list[IndexEntry], version: Version | VersionRange) -> IndexEntry | None:
    if isinstance(version, Version):
        return next((entry for entry in entries if entry.version == version), None)
    return next((entry for entry in reversed(entries) if not entry.yanked and entry.version in version), None)


def _newest(entries: list[IndexEntry]) -> str:
    newest = _best(entries, VersionRange.parse("*"))
    return f"The newest version is {newest.version}" if newest else "The registry has no other version"
