"""Files of the program that become inputs: read where the program runs, so that their text is what Pulumi compares."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pulumi


class SourceError(pulumi.RunError, ValueError):
    """A file or an argument of the program that cannot work; the text names the resource and the property.

    Pulumi shows the text of a ``RunError`` without a traceback.
    """


def one_of(where: str, **arguments: Any) -> None:
    """Refuse anything but exactly one of some arguments.

    Raises:
        SourceError: None or several are given.
    """
    given = [name for name, value in arguments.items() if value is not None]
    if len(given) != 1:
        raise SourceError(f"{where}: set exactly one of {' and '.join(arguments)}")


def read_file(where: str, path: str | os.PathLike[str], *, of: str = "source") -> str:
    """The text of a file, as UTF-8.

    Raises:
        SourceError: It cannot be read, or is not text.
    """
    file = _path(where, path, of)
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise SourceError(f"{where}: {of}: {file.absolute()}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SourceError(
            f"{where}: {of}: {file.absolute()} is not UTF-8 text, which is all that the API takes"
        ) from None


def read_directory(where: str, path: str | os.PathLike[str]) -> dict[str, str]:
    """Relative path, with ``/``, to text of all files below a directory; hidden ones and ``__pycache__`` are left out.

    Raises:
        SourceError: It is no directory, or a file in it is not text.
    """
    root = _path(where, path, "source")
    if not root.is_dir():
        raise SourceError(f"{where}: source: {root.absolute()} is no directory")
    files = {}
    for file in sorted(root.rglob("*")):
        relative = file.relative_to(root)
        if file.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in relative.parts):
            files[relative.as_posix()] = read_file(where, file)
    return files


def _path(where: str, path: Any, of: str) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise SourceError(f"{where}: {of} is a path that is read where the program runs; {type(path).__name__} is none")
    return Path(path)
