"""Files that a program reads: their text becomes an input, so that Pulumi shows how it changes."""

from __future__ import annotations

import io
import os
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi

from influxdb3_engine_resources.properties import EXCLUDED, as_utf8

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pathspec import GitIgnoreSpec


class SourceError(pulumi.RunError):
    """An invalid file or argument of the program; the text names the resource and the property.

    Pulumi shows the text of a ``RunError`` without a traceback.
    """

    def __init__(self, text: str) -> None:
        from influxdb3_engine_api.foreign_text import message  # noqa: PLC0415 - only if a program is refused

        super().__init__(message(text))


class _NotText(SourceError):
    """A file is not text in the required encoding."""


def require_exactly_one(where: str, **arguments: Any) -> None:
    """Check that exactly one of the arguments is set.

    Raises:
        SourceError: No argument or several arguments are set.
    """
    if sum(value is not None for value in arguments.values()) != 1:
        raise SourceError(f"{where}: set exactly one of {' and '.join(arguments)}")


def read_file(where: str, path: str | os.PathLike[str], *, of: str = "source", python: bool = True) -> str:
    """The text of a file.

    Args:
        where: The resource.
        path: The file, relative to the program.
        of: The property.
        python: Whether the file's byte order mark or coding line sets its encoding, as in Python. If not: UTF-8.

    Raises:
        SourceError: The file cannot be read, or is not text.
    """
    return decoded(f"{where}: {of}: {_path(where, path, of).absolute()}", read_bytes(where, path, of=of), python=python)


def read_bytes(where: str, path: str | os.PathLike[str], *, of: str = "source") -> bytes:
    """The bytes of a file.

    Raises:
        SourceError: The file cannot be read.
    """
    file = _path(where, path, of)
    try:
        return file.read_bytes()
    except OSError as error:
        raise SourceError(f"{where}: {of}: {file.absolute()}: {error.strerror}") from None


def decoded(where: str, data: bytes, *, python: bool) -> str:
    """The text of a file's bytes.

    Args:
        where: What messages call the file.
        data: The bytes.
        python: As `read_file`.

    Raises:
        SourceError: The bytes are not text.
    """
    try:
        if not python:
            return data.decode()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return as_utf8(io.TextIOWrapper(io.BytesIO(data), encoding).read())
    except UnicodeDecodeError as error:
        why = "the API takes no other text" if error.encoding == "utf-8" else "the file declares this encoding"
        raise _NotText(f"{where} is not {error.encoding.upper()} text; {why}") from None
    except SyntaxError as error:  # an invalid coding line, or a byte that is not UTF-8 in the first two lines
        raise _NotText(f"{where} is not text that Python reads: {error.msg}") from None


def read_directory(where: str, path: str | os.PathLike[str], exclude: Sequence[str] = ()) -> dict[str, str]:
    """The text of all files below a directory, by relative path with ``/``; follows links.

    Args:
        where: The resource.
        path: The directory, relative to the program.
        exclude: Patterns as in ``.gitignore``: files to leave out besides ``EXCLUDED``.

    Raises:
        SourceError: ``path`` is not a directory, a file in it is not text, or a link leads to no file or to a
            directory that contains the link.
    """
    root = _path(where, path, "source")
    if not root.is_dir():
        raise SourceError(f"{where}: source: {root.absolute()} is not a directory")
    try:
        found = list(_below(where, root, _excluded(where, exclude), "", {root.resolve()}))
    except OSError as error:
        raise SourceError(f"{where}: source: {error.filename}: {error.strerror}") from None
    return decoded_files(where, {relative: read_bytes(where, file) for relative, file in found}, exclude, below=root)


def decoded_files(
    where: str, files: Mapping[str, bytes], exclude: Sequence[str], *, below: Path | None = None
) -> dict[str, str]:
    """The text of files by relative path; those that match a pattern are left out.

    Args:
        where: The resource.
        files: Bytes by relative path.
        exclude: Patterns as in ``.gitignore``, besides ``EXCLUDED``.
        below: The directory that messages name; None for the files of an archive.

    Raises:
        SourceError: A file is not text; says how to exclude all such files.
    """
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern  # noqa: PLC0415 - few programs need it

    excluded = _excluded(where, exclude)
    texts, not_text = {}, []
    for relative, data in files.items():
        if below is None and excluded.match_file(relative):
            continue
        label = relative if below is None else str((below / relative).absolute())
        try:
            texts[relative] = decoded(f"{where}: source: {label}", data, python=relative.endswith(".py"))
        except _NotText as error:
            not_text.append((GitIgnoreSpecPattern.escape(f"/{relative}"), error))
    if not_text:
        patterns = [*exclude, *(pattern for pattern, _ in not_text)]
        raise SourceError(f"{not_text[0][1]}. If the plugin does not need the file, write exclude={patterns!r}")
    return texts


def _excluded(where: str, exclude: Sequence[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - few programs need it

    try:
        return GitIgnoreSpec.from_lines([*EXCLUDED, *exclude])
    except ValueError as error:
        raise SourceError(f"{where}: exclude: {error}") from None


def read_plugin_folder(where: str, source: str | os.PathLike[str]) -> dict[str, str | None]:
    """Text of the files of a plugin's folder by relative path; ``None`` for a file that is not UTF-8 text.

    Links are left out, as in a published archive, and so is what no plugin consists of.

    Raises:
        SourceError: The folder cannot be read.
    """
    folder, excluded = _path(where, source, "source"), _excluded(where, ())
    files: dict[str, str | None] = {}
    try:
        if not folder.is_dir():
            raise SourceError(f"{where}: source: {folder.absolute()} is not a directory")
        for file in sorted(folder.rglob("*")):
            relative = file.relative_to(folder).as_posix()
            if file.is_file() and not file.is_symlink() and not excluded.match_file(relative):
                files[relative] = _utf8(file.read_bytes())
    except OSError as error:
        raise SourceError(f"{where}: source: {error.filename}: {error.strerror}") from None
    return files


def _utf8(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _below(
    where: str, directory: Path, excluded: GitIgnoreSpec, prefix: str, parents: set[Path]
) -> Iterator[tuple[str, Path]]:
    """Relative path and path of each file below a directory that is not excluded."""
    for entry in sorted(directory.iterdir()):
        relative = f"{prefix}{entry.name}"
        if not entry.is_dir():
            if excluded.match_file(relative):
                continue
            if not entry.exists():
                raise SourceError(
                    f"{where}: source: {entry.absolute()} is a link to {entry.readlink()}, which does not exist: "
                    f"correct or remove the link, or write exclude=[{f'/{relative}'!r}]"
                )
            if entry.is_file():
                yield relative, entry
            continue
        verdict = excluded.check_file(f"{relative}/").include
        if verdict or (verdict is None and (entry / "pyvenv.cfg").is_file()):
            continue
        real = entry.resolve()
        if any(parent.is_relative_to(real) for parent in parents):
            raise SourceError(
                f"{where}: source: {entry.absolute()} is a link to {real}, which contains the link: "
                f"remove the link, or write exclude=[{f'/{relative}'!r}]"
            )
        yield from _below(where, entry, excluded, f"{relative}/", parents | {real})


def _path(where: str, path: Any, of: str) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise SourceError(
            f"{where}: {of} is the path of a file or directory, not a value of the type {type(path).__name__}: "
            "the program reads it, so that an output cannot be used"
        )
    return Path(path)
