"""Pulumi's assets and archives as the source of a plugin; they are read where the program runs."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi

from pulumi_influxdb3_engine._arguments import is_pending
from pulumi_influxdb3_engine._sources import (
    SourceError,
    decoded,
    decoded_files,
    read_bytes,
    read_directory,
    read_file,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Asset = pulumi.FileAsset | pulumi.StringAsset | pulumi.RemoteAsset
Archive = pulumi.FileArchive | pulumi.AssetArchive | pulumi.RemoteArchive
_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_file_source(where: str, source: Any, sha256: Any, *, python: bool) -> str:
    """The text of a plugin file.

    Args:
        where: The resource.
        source: A path or an asset.
        sha256: The hash that the file must have, in hexadecimal; None for any.
        python: Whether the text is Python.

    Raises:
        SourceError: The source cannot be read, is not text, or has another hash.
    """
    check_sha256(where, "sha256", sha256)
    if isinstance(source, pulumi.Archive):
        raise SourceError(f"{where}: source is an archive: write PluginDirectory, or pass an asset")
    if isinstance(source, pulumi.FileAsset | pulumi.StringAsset | pulumi.RemoteAsset):
        data, name = asset_content(where, source, sha256), _name(source)
        return decoded(f"{where}: source: {name}", data, python=python)
    if sha256 is None:
        return read_file(where, source, python=python)
    data = _verified(where, read_bytes(where, source), str(source), sha256)
    return decoded(f"{where}: source: {source}", data, python=python)


def read_directory_source(where: str, source: Any, sha256: Any, exclude: Sequence[str]) -> dict[str, str]:
    """The text of the files of a plugin directory by relative path.

    Args:
        where: The resource.
        source: The path of a directory, or an archive.
        sha256: The hash that the file with the archive must have, in hexadecimal; None for any.
        exclude: Patterns of files to leave out.

    Raises:
        SourceError: As `read_file_source`.
    """
    check_sha256(where, "sha256", sha256)
    if isinstance(source, pulumi.Asset):
        raise SourceError(f"{where}: source is an asset: write PluginFile, or pass an archive")
    if isinstance(source, pulumi.FileArchive | pulumi.AssetArchive | pulumi.RemoteArchive):
        content = archive_content(where, source, sha256)
        if not isinstance(content, Path):
            return decoded_files(where, content, exclude)
        source = content
    _refuse_hash(where, sha256, "a directory")
    return read_directory(where, source, exclude)


def known_or_refused(where: str, expected: Any) -> Any:
    """``expected_sha256`` as a property; an output without a value is refused: nothing would be compared.

    Raises:
        SourceError: The value is not a SHA-256. In the output, if it is an output.
    """
    if is_pending(expected):
        return pulumi.Output.from_input(expected).apply(lambda known: _expected(where, known))
    return None if expected is None else _expected(where, expected)


def _expected(where: str, value: Any) -> str:
    if value is None:
        raise SourceError(
            f"{where}: expected_sha256 is an output without a value: export it in the other stack and deploy that"
        )
    check_sha256(where, "expected_sha256", value)
    return str(value)


def _name(asset: Asset) -> str:
    if isinstance(asset, pulumi.StringAsset):
        return "the text"
    return _shown(asset.uri) if isinstance(asset, pulumi.RemoteAsset) else asset.path


def _shown(url: str) -> str:
    """A URL as messages show it: without user and query."""
    from influxdb3_engine_api.foreign_text import shown  # noqa: PLC0415 - not for an import of this package

    return shown(url)


def asset_content(where: str, asset: Asset, sha256: str | None) -> bytes:
    """The bytes of an asset.

    Args:
        where: The resource.
        asset: The asset.
        sha256: The hash that the bytes must have, in hexadecimal; None for any.

    Raises:
        SourceError: The asset cannot be read, or has another hash.
    """
    if isinstance(asset, pulumi.RemoteAsset):
        return _remote(where, asset.uri, sha256)
    data = asset.text.encode() if isinstance(asset, pulumi.StringAsset) else read_bytes(where, asset.path)
    return _verified(where, data, _name(asset), sha256)


def archive_content(where: str, archive: Archive, sha256: str | None) -> dict[str, bytes] | Path:
    """The files of an archive by relative path, or the directory that it names.

    Args:
        where: The resource.
        archive: The archive.
        sha256: The hash that a file with an archive must have, in hexadecimal; None for any.

    Raises:
        SourceError: The archive cannot be read, or has another hash.
    """
    if isinstance(archive, pulumi.AssetArchive):
        _refuse_hash(where, sha256, "an AssetArchive")
        return dict(_members(where, archive.assets, ""))
    if isinstance(archive, pulumi.RemoteArchive):
        return _unpacked(where, _remote(where, archive.uri, sha256), archive.uri)
    if Path(archive.path).is_dir():
        _refuse_hash(where, sha256, "a directory")
        return Path(archive.path)
    data = _verified(where, read_bytes(where, archive.path), archive.path, sha256)
    return _unpacked(where, data, archive.path)


def check_sha256(where: str, name: str, value: Any) -> None:
    """Refuse what is not a SHA-256 in hexadecimal, or is an output.

    Raises:
        SourceError: Names the property.
    """
    if value is not None and not (isinstance(value, str) and _SHA256.fullmatch(value)):
        raise SourceError(f"{where}: {name} is a SHA-256: 64 lower-case hexadecimal digits")


def _members(where: str, assets: Mapping[str, Any], prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for name, member in assets.items():
        path = f"{prefix}{name}"
        if isinstance(member, pulumi.FileAsset | pulumi.StringAsset | pulumi.RemoteAsset):
            found.append((path, asset_content(where, member, None)))
            continue
        content = archive_content(where, member, None)
        if isinstance(content, Path):
            files = [file for file in sorted(content.rglob("*")) if file.is_file()]
            found += [(f"{path}/{file.relative_to(content).as_posix()}", read_bytes(where, file)) for file in files]
        else:
            found += [(f"{path}/{each}", data) for each, data in content.items()]
    return found


def _remote(where: str, uri: str, sha256: str | None) -> bytes:
    """What a URI serves; what is pinned comes from the user's cache if it is there."""
    from influxdb3_engine_resources.published.archive import LARGEST_ARCHIVE, verify  # noqa: PLC0415
    from influxdb3_engine_resources.published.cache import RegistryCache  # noqa: PLC0415
    from influxdb3_engine_resources.published.download import download, is_local  # noqa: PLC0415
    from influxdb3_engine_resources.published.errors import PublishedError  # noqa: PLC0415

    cache, key = RegistryCache(), f"{uri}#{sha256}"
    kept = cache.read(key) if sha256 else None
    if kept is not None and hashlib.sha256(kept).hexdigest() == sha256:
        return kept
    try:
        data = download(uri, LARGEST_ARCHIVE)
        if sha256 is not None:
            verify(data, sha256, _shown(uri))
            cache.keep(key, data)
    except PublishedError as error:
        raise SourceError(f"{where}: source: {error}") from None
    if sha256 is None and not is_local(uri):
        found = hashlib.sha256(data).hexdigest()
        pulumi.log.warn(f"{where}: {_shown(uri)} may serve other code at any time: pin it with sha256={found!r}")
    return data


def _unpacked(where: str, data: bytes, name: str) -> dict[str, bytes]:
    from influxdb3_engine_resources.published.archive import unpack  # noqa: PLC0415
    from influxdb3_engine_resources.published.errors import PublishedError  # noqa: PLC0415

    try:
        return unpack(data, _shown(name))
    except PublishedError as error:
        raise SourceError(f"{where}: source: {error}") from None


def _verified(where: str, data: bytes, name: str, sha256: str | None) -> bytes:
    from influxdb3_engine_resources.published.archive import verify  # noqa: PLC0415
    from influxdb3_engine_resources.published.errors import PublishedError  # noqa: PLC0415

    try:
        if sha256 is not None:
            verify(data, sha256, name)
    except PublishedError as error:
        raise SourceError(f"{where}: source: {error}") from None
    return data


def _refuse_hash(where: str, sha256: str | None, what: str) -> None:
    if sha256 is not None:
        raise SourceError(f"{where}: sha256 pins one file, and source is {what}: write expected_sha256 instead")
