"""Pulumi's assets and archives as the source of a plugin; they are read where the program runs."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi

from influxdb3_engine_api.foreign_text import shown
from pulumi_influxdb3_engine._sources import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

Asset = pulumi.FileAsset | pulumi.StringAsset | pulumi.RemoteAsset
Archive = pulumi.FileArchive | pulumi.AssetArchive | pulumi.RemoteArchive
_SHA256 = re.compile(r"[0-9a-f]{64}")


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
    data = asset.text.encode() if isinstance(asset, pulumi.StringAsset) else _file(where, asset.path)
    return _verified(where, data, "the text" if isinstance(asset, pulumi.StringAsset) else asset.path, sha256)


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
    data = _verified(where, _file(where, archive.path), archive.path, sha256)
    return _unpacked(where, data, archive.path)


def check_sha256(where: str, name: str, value: Any) -> None:
    """Refuse what is not a SHA-256 in hexadecimal, or is an output.

    Raises:
        SourceError: Names the property.
    """
    if value is not None and not (isinstance(value, str) and _SHA256.fullmatch(value)):
        raise SourceError(f"{where}: {name} is a SHA-256 that the program knows: 64 lower-case hexadecimal digits")


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
            found += [(f"{path}/{file.relative_to(content).as_posix()}", _file(where, file)) for file in files]
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
            verify(data, sha256, shown(uri))
            cache.keep(key, data)
    except PublishedError as error:
        raise SourceError(f"{where}: source: {error}") from None
    if sha256 is None and not is_local(uri):
        found = hashlib.sha256(data).hexdigest()
        pulumi.log.warn(f"{where}: {shown(uri)} may serve other code at any time: pin it with sha256={found!r}")
    return data


def _unpacked(where: str, data: bytes, name: str) -> dict[str, bytes]:
    from influxdb3_engine_resources.published.archive import unpack  # noqa: PLC0415
    from influxdb3_engine_resources.published.errors import PublishedError  # noqa: PLC0415

    try:
        return unpack(data, shown(name))
    except PublishedError as error:
        raise SourceError(f"{where}: source: {error}") from None


def _file(where: str, path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SourceError(f"{where}: source: {Path(path).absolute()}: {error.strerror}") from None


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
