"""The plugin directory: names of plugins to files, and changes to those files (contract 1.7 and 4.1)."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from influxdb3_embedded.runner import files
from influxdb3_embedded.runner.repository import PluginRepository, RepositoryError
from influxdb3_embedded.runner.sources import FileSource, PackageSource, RepositorySource, SourceUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from influxdb3_embedded.runner.sources import PluginSource

_REPOSITORY_PREFIX = "gh:"
_LONGEST_PATH = 4_096
_INSTALLATION_DISABLED = (
    "plugin installation is disabled; plugins must already exist in the configured plugin directory"
)


class PluginFileError(Exception):
    """A plugin's file cannot be found, read or written.

    Args:
        text: The server's text without the prefix, which depends on the endpoint: ``Plugin error: `` where a plugin
            is looked up, ``Processing engine error: plugin error: `` where one is changed.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class PluginFile(NamedTuple):
    """A file of a plugin, as ``system.plugin_files`` lists it (contract 7.2).

    Attributes:
        file_name: Its name, for a package relative to the package.
        file_path: Absolute path.
        size_bytes: Size in bytes.
        last_modified: Milliseconds since the epoch.
    """

    file_name: str
    file_path: str
    size_bytes: int
    last_modified: int


class PluginDirectory:
    """The directory that plugins lie in. No name leads out of it.

    Args:
        root: The directory; ``None`` for a server without one, where only ``gh:`` plugins can be used.
        repository: Where ``gh:`` plugins come from.
        read_only: Whether plugins can neither be changed nor fetched (``--plugin-dir-only``).

    Attributes:
        root: The directory's absolute path, or ``None``.
    """

    def __init__(
        self, root: Path | None, *, repository: PluginRepository | None = None, read_only: bool = False
    ) -> None:
        self.root = root if root is None else root.absolute()
        self._repository = repository or PluginRepository()
        self._read_only = read_only
        # Changes run in threads: one at a time, and none between the look at a directory and what is made of it.
        self._changing = threading.Lock()

    async def load(self, filename: str) -> PluginSource:
        """Find a plugin.

        Args:
            filename: Path below the directory, of a file or of a package, or ``gh:PATH``.

        Returns:
            The plugin's source, which follows later changes of a local file.

        Raises:
            PluginFileError: There is no such plugin, or its name leads out of the directory.
        """
        if filename.startswith(_REPOSITORY_PREFIX):
            if self._read_only:
                raise PluginFileError(_INSTALLATION_DISABLED)
            try:
                text = await self._repository.fetch(filename.removeprefix(_REPOSITORY_PREFIX))
            except RepositoryError as error:
                raise PluginFileError(str(error)) from error
            return RepositorySource(filename, text)
        if self.root is None:
            raise PluginFileError("Node not configured with plugin directory")
        return await asyncio.to_thread(self._load, filename)

    async def write_file(self, name: str, content: str) -> None:
        """Write a file, new or not; its directories are made (POST plugins/files).

        Args:
            name: Path below the directory.
            content: The file's text.

        Raises:
            PluginFileError: Nothing was changed.
        """
        if self.root is None:
            raise PluginFileError("No plugin directory configured")
        await asyncio.to_thread(self._write, name, content)

    async def replace_file(self, filename: str, content: str) -> None:
        """Write the file of a trigger's plugin, of a package its ``__init__.py`` (PUT plugins/files).

        Args:
            filename: The trigger's ``plugin_filename``.
            content: The file's text.

        Raises:
            PluginFileError: Nothing was changed.
        """
        if self.root is None or filename.startswith(_REPOSITORY_PREFIX):
            raise PluginFileError(f"Plugin not found: {filename}")
        name = filename.rstrip("/")
        await asyncio.to_thread(self._write, f"{name}/__init__.py" if self._path(name).is_dir() else name, content)

    async def replace_directory(self, filename: str, contents: Sequence[tuple[str, str]]) -> None:
        """Replace all files of a trigger's package; it is never seen half changed (PUT plugins/directory).

        Two deviations from the server, which leaves the trigger without a plugin in both cases: a plugin that is a
        single file is refused and not touched, and so are files without an ``__init__.py``.

        Args:
            filename: The trigger's ``plugin_filename``.
            contents: Paths relative to the package, and the files' texts.

        Raises:
            PluginFileError: Nothing was changed.
        """
        if self.root is None or filename.startswith(_REPOSITORY_PREFIX):
            raise PluginFileError(
                "No plugin directory configured" if self.root is None else f"Plugin not found: {filename}"
            )
        await asyncio.to_thread(self._replace_directory, filename.rstrip("/"), contents)

    def files(self, filename: str) -> list[PluginFile]:
        """List the files of a plugin: itself, or the ``*.py`` of a package.

        Args:
            filename: A trigger's ``plugin_filename``; what is missing or ``gh:`` has no files.
        """
        if self.root is None or filename.startswith(_REPOSITORY_PREFIX):
            return []
        try:
            path = self._path(filename.rstrip("/"))
            if path.is_file():
                return [_describe(path, path.name)]
            return [
                _describe(module, str(module.relative_to(path)))
                for module in sorted(path.rglob("*.py"))
                if "__pycache__" not in module.parts and module.is_file()
            ]
        except (PluginFileError, OSError):
            return []

    def _load(self, filename: str) -> PluginSource:
        name = filename.rstrip("/")
        path = self._path(name)
        with self._changing, _as_plugin_file_errors():
            if path != self.root:
                files.finish_replacement(path)
            if not path.exists():
                raise PluginFileError(f"reading plugin file: Plugin not found: {path}")
            if path.is_dir():
                if not (path / "__init__.py").is_file():
                    raise PluginFileError(
                        f"reading plugin file: Multi-file plugin directory must contain __init__.py: {path}"
                    )
                return PackageSource(path, name)
        try:
            return FileSource(path, name)
        except SourceUnreadable as error:
            raise PluginFileError(f"reading plugin file: {error}") from error

    def _write(self, name: str, content: str) -> None:
        self._check_writable()
        path = self._path(name)
        with self._changing, _as_plugin_file_errors():
            if name.endswith("/") or path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            files.write_atomically(Path(os.path.realpath(path)), content.encode("utf-8"))

    def _replace_directory(self, name: str, contents: Sequence[tuple[str, str]]) -> None:
        self._check_writable()
        path = self._path(name)
        if path == self.root:
            raise _traversal(name)  # what is beside it is not ours
        if path.is_file():
            raise PluginFileError(
                f"Plugin '{name}' is a single file, not a directory; update it with PUT /api/v3/plugins/files"
            )
        for relative_path, _ in contents:
            if _leaves(relative_path):
                raise _traversal(relative_path)
        if not any(PurePosixPath(relative_path) == PurePosixPath("__init__.py") for relative_path, _ in contents):
            raise PluginFileError(f"Multi-file plugin directory must contain __init__.py: {path}")
        with self._changing, _as_plugin_file_errors():
            files.replace_directory(
                Path(os.path.realpath(path)), [(name, content.encode("utf-8")) for name, content in contents]
            )

    def _check_writable(self) -> None:
        if self._read_only:
            raise PluginFileError(_INSTALLATION_DISABLED)

    def _path(self, name: str) -> Path:
        """Return the path of a name that stays inside the directory."""
        assert self.root is not None
        if _leaves(name):
            raise _traversal(name)
        path = self.root / name
        with _as_plugin_file_errors():
            if len(name) > _LONGEST_PATH:  # the system would say so too, after minutes where it has a million parts
                raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
            root = self.root.resolve(strict=True)
            # Symbolic links are followed before the comparison, also those above a file that does not exist yet.
            if not Path(os.path.realpath(path)).is_relative_to(root):
                raise _traversal(name)
        return path


def _leaves(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/")


def _traversal(name: str) -> PluginFileError:
    return PluginFileError(
        f"Path traversal detected: plugin filename '{name}' attempts to access files outside the plugin directory"
    )


@contextmanager
def _as_plugin_file_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PluginFileError(
            f"reading plugin file: {os.strerror(error.errno or 0)} (os error {error.errno})"
        ) from error
    except UnicodeError as error:
        raise PluginFileError("reading plugin file: stream did not contain valid UTF-8") from error
    except ValueError as error:
        # What the standard library says of a NUL.
        raise PluginFileError("reading plugin file: file name contained an unexpected NUL byte") from error


def _describe(path: Path, name: str) -> PluginFile:
    status = path.stat()
    return PluginFile(name, str(path), status.st_size, status.st_mtime_ns // 1_000_000)
