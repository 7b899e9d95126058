"""Atomic changes of files and directories: complete or not made, also after a crash of the machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_OWNER_ONLY = 0o700
"""Mode of files and directories whatever the umask is: plugins may have credentials."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file; readers see the old content or the new one.

    Args:
        path: The file; missing directories are created.
        content: The new content.

    Raises:
        OSError: The file is unchanged.
    """
    _make_directory(path.parent)
    # The temporary name is short, even if the file's name is not, and cannot be imported as a module.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".write-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
            os.fchmod(descriptor, path.stat().st_mode & _OWNER_ONLY if path.exists() else 0o600)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def replace_directory(path: Path, contents: Sequence[tuple[str, bytes]]) -> None:
    """Replace a directory: .NAME.new is filled, NAME becomes .NAME.old, .NAME.new becomes NAME.

    The real server uses NAME.tmp and NAME.old, which may be names of the user's directories.

    Args:
        path: The directory; it may be missing.
        contents: Relative paths, checked by the caller, and the files' contents.

    Raises:
        OSError: The directory is unchanged.
    """
    finish_replacement(path)
    new, old = _beside(path, "new"), _beside(path, "old")
    shutil.rmtree(new, ignore_errors=True)
    try:
        _make_directory(new)
        for relative_path, content in contents:
            write_atomically(new / relative_path, content)
        if path.exists():
            path.rename(old)
        try:
            new.rename(path)
        except OSError:
            if old.exists():
                old.rename(path)
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
    _sync_directory(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def finish_replacement(path: Path) -> None:
    """Finish a replacement that a crash has interrupted, or undo it if the new directory is not in place."""
    old = _beside(path, "old")
    if not os.path.isdir(old):  # noqa: PTH112 - False if the name is too long; Path.is_dir raises
        return
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
    else:
        old.rename(path)


def _make_directory(path: Path) -> None:
    if not path.is_dir():
        _make_directory(path.parent)
        path.mkdir(mode=_OWNER_ONLY, exist_ok=True)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f".{path.name}.{suffix}")


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
