"""Where the code of a plugin comes from, and when it is read again (contract 4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pathlib import Path

_MAX_SOURCE = 64 * 1024 * 1024
"""Bytes of a plugin file; what is larger is no source code."""


class PluginCode(NamedTuple):
    """A plugin's code as it is at the moment of a run.

    Attributes:
        name: What tracebacks call the file: its name in the plugin directory, or ``gh:PATH``.
        version: Grows with every change of ``text`` that was noticed.
        text: The source of a single file; ``None`` for a package.
        package: Absolute path of a package's directory; ``None`` for a single file.
    """

    name: str
    version: int
    text: str | None
    package: str | None

    @property
    def shares_objects(self) -> bool:
        """Whether two runs may share objects: through the cache, or through the modules of a package."""
        return self.text is None or "cache" in self.text


class SourceUnreadable(Exception):
    """A plugin file exists and cannot be read; the text says why in the words of an operating system."""


class PluginSource(Protocol):
    """A plugin that was found."""

    def current(self) -> PluginCode:
        """Return the code to run now."""
        ...


class FileSource:
    """A single file, read again whenever it has changed.

    When it is gone or unreadable, what was last read stays in use.

    Args:
        path: The file.
        name: What tracebacks call it.

    Raises:
        SourceUnreadable: It cannot be read.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._identity: tuple[int, int, int] | None = None
        self._code = PluginCode(name, 0, "", None)
        self._read()

    def current(self) -> PluginCode:
        """Return the code as it is on disk now."""
        try:
            self._read()
        except SourceUnreadable:
            # Remembered neither as read nor as failed: the next run looks again.
            return self._code
        return self._code

    def _read(self) -> None:
        try:
            status = self._path.stat()
            # The inode tells apart two versions that were renamed into place within one tick of the clock.
            identity = (status.st_mtime_ns, status.st_size, status.st_ino)
            if identity == self._identity:
                return
            if not self._path.is_file():
                raise SourceUnreadable("not a regular file")
            if status.st_size > _MAX_SOURCE:
                raise SourceUnreadable("File too large (os error 27)")
            text = self._path.read_bytes().decode("utf-8")
        except OSError as error:
            raise SourceUnreadable(f"{error.strerror} (os error {error.errno})") from error
        except UnicodeDecodeError as error:
            raise SourceUnreadable("stream did not contain valid UTF-8") from error
        self._identity = identity
        self._code = PluginCode(self._name, self._code.version + 1, text, None)


class PackageSource:
    """A directory with an ``__init__.py``; the process that imports it notices changes.

    Args:
        path: Absolute path of the directory.
        name: What the trigger calls it.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._code = PluginCode(name, 0, None, str(path))

    def current(self) -> PluginCode:
        """Return where the package lies."""
        return self._code


class RepositorySource:
    """A file that was fetched from a repository; fetched again only when its trigger starts.

    Args:
        name: ``gh:PATH``.
        text: The source.
    """

    def __init__(self, name: str, text: str) -> None:
        self._code = PluginCode(name, 1, text, None)

    def current(self) -> PluginCode:
        """Return the code as it was fetched."""
        return self._code
