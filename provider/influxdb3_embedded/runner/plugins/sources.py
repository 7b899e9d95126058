"""Sources of a plugin's code, and when they are read again (contract 4.2)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pathlib import Path

_MAX_SOURCE = 64 * 1024 * 1024
"""Most bytes of a plugin file."""


class PluginCode(NamedTuple):
    """A plugin's code at the moment of a run.

    Attributes:
        name: The file's name in tracebacks: its name in the plugin directory, or ``gh:PATH``.
        version: Grows with every change of ``text``.
        text: The source of a single file; None for a package.
        package: Absolute path of a package's directory; None for a single file.
    """

    name: str
    version: int
    text: str | None
    package: str | None

    @property
    def shares_objects(self) -> bool:
        """Whether two runs may share objects: in the cache, or in the modules of a package."""
        return self.text is None or "cache" in self.text


class SourceUnreadable(Exception):
    """An existing plugin file cannot be read; the text is the operating system's."""


class PluginSource(Protocol):
    """Has the code of a plugin."""

    def current(self) -> PluginCode:
        """Return the code to run now."""
        ...


class FileSource:
    """A single file, read again after each change.

    If the file is missing or unreadable later, the last code stays in use.

    Args:
        path: The file.
        name: The file's name in tracebacks.

    Raises:
        SourceUnreadable: The file cannot be read.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._identity: tuple[int, int, int] | None = None
        self._code = PluginCode(name, 0, "", None)
        self._read()

    def current(self) -> PluginCode:
        """Return the code that is on disk now, or the last code that could be read."""
        with suppress(SourceUnreadable):  # the next run tries again
            self._read()
        return self._code

    def _read(self) -> None:
        try:
            status = self._path.stat()
            # Two versions that are renamed into place within one tick of the clock differ in their inode.
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
    """A directory with an ``__init__.py``. The worker process that imports it looks for changes.

    Args:
        path: Absolute path of the directory.
        name: The plugin's name in the trigger.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._code = PluginCode(name, 0, None, str(path))

    def current(self) -> PluginCode:
        """Return the package's location."""
        return self._code


class RepositorySource:
    """A file of a repository; fetched each time its trigger starts.

    Args:
        name: ``gh:PATH``.
        text: The source.
    """

    def __init__(self, name: str, text: str) -> None:
        self._code = PluginCode(name, 1, text, None)

    def current(self) -> PluginCode:
        """Return the fetched code."""
        return self._code
