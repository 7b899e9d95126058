"""Archives of plugins: read in memory, within limits, and only what a plugin can consist of."""

from __future__ import annotations

import hashlib
import io
import stat
import tarfile
import zipfile
import zlib

from influxdb3_engine_resources.published.errors import PublishedError

LARGEST_ARCHIVE = 32 * 1024 * 1024
"""Bytes of a compressed archive."""
LARGEST_CONTENT = 64 * 1024 * 1024
"""Bytes of an unpacked one."""
MOST_FILES = 2_000
_LONGEST_PATH = 255
_GZIP = 16 + zlib.MAX_WBITS
_GZIP_MARK, _ZIP_MARK = b"\x1f\x8b", b"PK"
_ENCRYPTED = 1
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    OverflowError,
    EOFError,
    RecursionError,
    NotImplementedError,
)
"""What the standard library raises for an archive that is damaged, or of a kind that it does not read."""


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


def unpack(data: bytes, where: str, *, root: str | None = None) -> dict[str, bytes]:
    """The files of an archive by path.

    Args:
        data: A tar archive, gzipped or not, or a zip archive.
        where: What messages call the archive.
        root: The directory that holds all members, such as ``NAME-VERSION``; paths are those below it.

    Raises:
        PublishedError: It is no such archive, is too large, or has a member that is a link or a device, or that lies
            outside the directory.
    """
    files = _Files(root, where)
    try:
        if data.startswith(_ZIP_MARK):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                _read_zip(archive, files)
        else:
            content = _decompressed(data, where) if data.startswith(_GZIP_MARK) else data
            with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as opened:
                _read_tar(opened, files)
    except PublishedError:
        raise
    except _BROKEN as error:
        raise PublishedError(f"{where} is not a tar archive, gzipped or not, or a zip archive: {error}") from None
    return files.checked()


def as_text(content: bytes) -> str | None:
    """The text of a file; ``None`` if it is not UTF-8 text, which is all that the server's API takes."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


class _Files:
    """The files of an archive; every path is checked when its file is added."""

    def __init__(self, root: str | None, where: str) -> None:
        self._root, self._where = root, where
        self._files: dict[str, bytes] = {}
        self._folded: set[str] = set()
        self._left = LARGEST_CONTENT
        self._members = 0

    def count(self) -> int:
        """Count one more member; returns how many bytes its content may have."""
        self._members += 1
        if self._members > MOST_FILES:
            raise PublishedError(f"{self._where} has more than {MOST_FILES} members")
        return self._left

    def check_directory(self, name: str) -> None:
        """Refuse a directory outside of the root."""
        if name.rstrip("/") != self._root:
            self._path(name.rstrip("/"))

    def add(self, name: str, content: bytes, size: int, *, regular: bool) -> None:
        """Add a file, whose header says how many bytes it has."""
        path = self._path(name)
        if not regular:
            raise PublishedError(f"{self._where}: {name!r} is not a regular file: a plugin has no links and no devices")
        if path.casefold() in self._folded:
            raise PublishedError(f"{self._where} has {path!r} twice")
        if len(content) > self._left:
            raise PublishedError(f"{self._where} unpacks to more than {LARGEST_CONTENT} bytes")
        if len(content) != size:
            raise PublishedError(f"{self._where} ends inside of {path!r}")
        self._left -= len(content)
        self._folded.add(path.casefold())
        self._files[path] = content

    def checked(self) -> dict[str, bytes]:
        """All files."""
        for path in self._files:
            parts = path.split("/")
            if any("/".join(parts[:count]) in self._files for count in range(1, len(parts))):
                raise PublishedError(f"{self._where}: {path!r} lies below a file")
        return self._files

    def _path(self, name: str) -> str:
        parts = name.removeprefix("./").split("/") if self._root is None else name.split("/")
        outside = self._root is not None and (parts[0] != self._root or len(parts) == 1)
        if (
            outside
            or any(part in ("", ".", "..") for part in parts)
            or "\\" in name
            or ":" in name
            or not name.isprintable()
            or len(name.encode(errors="replace")) > _LONGEST_PATH
        ):
            below = f" below {self._root}/" if self._root else ""
            raise PublishedError(f"{self._where}: {name[:_LONGEST_PATH]!r} is not the path of a file{below}")
        return "/".join(parts if self._root is None else parts[1:])


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


def _read_tar(archive: tarfile.TarFile, files: _Files) -> None:
    for member in archive:
        files.count()
        if member.isdir():
            if member.name not in ("", "."):
                files.check_directory(member.name)
            continue
        regular = member.isreg() and not member.issparse()
        opened = archive.extractfile(member) if regular else None
        files.add(member.name, opened.read() if opened else b"", member.size, regular=regular)


def _read_zip(archive: zipfile.ZipFile, files: _Files) -> None:
    for member in archive.infolist():
        most = files.count()
        if member.is_dir():
            files.check_directory(member.filename)
            continue
        kind = stat.S_IFMT(member.external_attr >> 16)
        regular = kind in (0, stat.S_IFREG) and not member.flag_bits & _ENCRYPTED
        content = b""
        if regular:
            with archive.open(member) as opened:
                content = opened.read(most + 1)
        files.add(member.filename, content, min(member.file_size, most + 1), regular=regular)
