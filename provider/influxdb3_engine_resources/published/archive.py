"""The archive of a published plugin: read in memory, within limits, and only what a plugin can consist of."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zlib

from influxdb3_engine_resources.published.errors import PublishedError

LARGEST_ARCHIVE = 32 * 1024 * 1024
"""Bytes of a compressed archive."""
LARGEST_CONTENT = 64 * 1024 * 1024
"""Bytes of an unpacked one."""
MOST_FILES = 2_000
_LONGEST_PATH = 255
_GZIP = 16 + zlib.MAX_WBITS


def verify(data: bytes, sha256: str, where: str) -> None:
    """Refuse bytes that have another hash.

    Args:
        data: What was read.
        sha256: The hash in hexadecimal.
        where: What messages call it.

    Raises:
        PublishedError: The hashes differ; shows both.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise PublishedError(f"{where} has the SHA-256 {found}, and {sha256} was expected: nothing of it was used")


def unpack(data: bytes, root: str, where: str) -> dict[str, str | None]:
    """The files of an archive, by path below its one directory.

    Args:
        data: A gzipped tar archive.
        root: The directory that holds all members: ``NAME-VERSION``.
        where: What messages call the archive.

    Returns:
        Text of each file; ``None`` for one that is not UTF-8 text.

    Raises:
        PublishedError: It is no such archive, is too large, or has a member that is a link or a device, or that lies
            outside the directory.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(_decompressed(data, where)), mode="r:") as archive:
            return _files(archive, root, where)
    except (tarfile.TarError, zlib.error, ValueError, OverflowError, EOFError, RecursionError) as error:
        if isinstance(error, PublishedError):
            raise
        raise PublishedError(f"{where} is not a gzipped tar archive: {error}") from None


def _decompressed(data: bytes, where: str) -> bytes:
    reader = zlib.decompressobj(_GZIP)
    content = reader.decompress(data, LARGEST_CONTENT + 1)
    if len(content) > LARGEST_CONTENT:
        raise PublishedError(f"{where} unpacks to more than {LARGEST_CONTENT} bytes")
    if not reader.eof:
        raise PublishedError(f"{where} ends too early")
    if reader.unused_data:
        raise PublishedError(f"{where} goes on after its end")
    return content


def _files(archive: tarfile.TarFile, root: str, where: str) -> dict[str, str | None]:
    files: dict[str, str | None] = {}
    folded: set[str] = set()
    for count, member in enumerate(archive, 1):
        if count > MOST_FILES:
            raise PublishedError(f"{where} has more than {MOST_FILES} members")
        path = _path(member, root, where)
        if member.isdir():
            continue
        if path is None or not member.isreg() or member.issparse():
            raise PublishedError(
                f"{where}: {member.name!r} is not a regular file: a plugin has no links and no devices"
            )
        if path.casefold() in folded:
            raise PublishedError(f"{where} has {path!r} twice")
        folded.add(path.casefold())
        opened = archive.extractfile(member)
        content = opened.read() if opened else b""
        if len(content) != member.size:
            raise PublishedError(f"{where} ends inside of {path!r}")
        files[path] = as_text(content)
    for path in files:
        if any(f"{parent}" in files for parent in _parents(path)):
            raise PublishedError(f"{where}: {path!r} lies below a file")
    return files


def as_text(content: bytes) -> str | None:
    """The text of a file; ``None`` if it is not UTF-8 text, which is all that the server's API takes."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _path(member: tarfile.TarInfo, root: str, where: str) -> str | None:
    """The path of a member below the archive's directory; ``None`` for the directory itself."""
    name = member.name
    parts = name.split("/")
    if member.isdir() and name == root:
        return None
    if (
        parts[0] != root
        or len(parts) == 1
        or any(part in ("", ".", "..") for part in parts)
        or "\\" in name
        or ":" in name
        or not name.isprintable()
        or len(name.encode(errors="replace")) > _LONGEST_PATH
    ):
        raise PublishedError(f"{where}: {name[:_LONGEST_PATH]!r} is not the path of a file below {root}/")
    return "/".join(parts[1:])


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
