"""The plugin directory: finds plugins by name and changes their files (contract 1.7 and 4.1)."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from influxdb3_embedded.runner.plugins import files
from influxdb3_embedded.runner.plugins.plugin_paths import (
    PluginFileError,
    PluginPaths,
    as_plugin_file_errors,
    in_environment,
    leaves,
    traversal,
)
from influxdb3_embedded.runner.plugins.repository import PluginRepository, RepositoryError
from influxdb3_embedded.runner.plugins.sources import FileSource, PackageSource, RepositorySource, SourceUnreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from influxdb3_embedded.runner.plugins.sources import PluginSource

_REPOSITORY_PREFIX = "gh:"
_INSTALLATION_DISABLED = (
    "plugin installation is disabled; plugins must already exist in the configured plugin directory"
)


class PluginFile(NamedTuple):
    """A file of a plugin, as ``system.plugin_files`` lists it (contract 7.2).

    Attributes:
        file_name: The file's name, or for a package the path relative to the package.
        file_path: Absolute path.
        size_bytes: Size in bytes.
        last_modified: Milliseconds since the epoch.
    """

    file_name: str
    file_path: str
    size_bytes: int
    last_modified: int


class PluginDirectory:
    """The directory of plugins. Names that lead out of it, or into the virtual environment, are refused.

    Args:
        root: The directory; None for a server without one, which has only ``gh:`` plugins.
        environment: The plugins' virtual environment; it may be below the directory.
        repository: Has the ``gh:`` plugins.
        read_only: Whether plugins can neither be changed nor fetched (``--plugin-dir-only``).

    Attributes:
        root: The directory's absolute path, or None.
    """

    def __init__(
        self,
        root: Path | None,
        *,
        environment: Path | None = None,
        repository: PluginRepository | None = None,
        read_only: bool = False,
    ) -> None:
        self.root = root if root is None else root.absolute()
        self._paths = PluginPaths(self.root or Path(), environment)
        self._repository = repository or PluginRepository()
        self._read_only = read_only
        # Changes run in threads, one at a time; a lookup and its conclusions are not interrupted by a change.
        self._changing = threading.Lock()

    async def load(self, filename: str) -> PluginSource:
        """Find a plugin.

        Args:
            filename: ``gh:PATH``, or the path of a file or package below the directory.

        Returns:
            The plugin's source. It follows later changes of a local file.

        Raises:
            PluginFileError: The plugin is missing, or its name leads out of the directory.
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
        """Create or overwrite a file; creates its directories (POST plugins/files).

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
        """Write the file of a trigger's plugin, or a package's ``__init__.py`` (PUT plugins/files).

        Args:
            filename: The trigger's ``plugin_filename``.
            content: The file's text.

        Raises:
            PluginFileError: Nothing was changed.
        """
        if self.root is None or filename.startswith(_REPOSITORY_PREFIX):
            raise PluginFileError(f"Plugin not found: {filename}")
        name = filename.rstrip("/")
        await asyncio.to_thread(
            self._write, f"{name}/__init__.py" if self._paths.plugin(name).is_dir() else name, content
        )

    async def replace_directory(self, filename: str, contents: Sequence[tuple[str, str]]) -> None:
        """Replace all files of a trigger's package in one step (PUT plugins/directory).

        Two deviations: this refuses a plugin that is a single file, and contents without an ``__init__.py``. In both
        cases the real server leaves the trigger without a plugin.

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

    def requirements(self, location: str) -> Path:
        """Return the path of a requirements file; raises `PluginFileError` if it is outside the directory."""
        return self._paths.requirements(location)

    def files(self, filename: str) -> list[PluginFile]:
        """List the files of a plugin: the single file, or the ``*.py`` files of a package.

        Args:
            filename: A trigger's ``plugin_filename``. Missing and ``gh:`` plugins have no files.
        """
        if self.root is None or filename.startswith(_REPOSITORY_PREFIX):
            return []
        try:
            path = self._paths.plugin(filename.rstrip("/"))
            if path.is_file():
                return [_describe(path, path.name)]
            return [
                _describe(module, str(module.relative_to(path)))
                for module in sorted(path.rglob("*.py"))
                if "__pycache__" not in module.parts and module.is_file() and not self._paths.is_in_environment(module)
            ]
        except (PluginFileError, OSError):
            return []

    def _load(self, filename: str) -> PluginSource:
        name = filename.rstrip("/")
        path = self._paths.plugin(name)
        with self._changing, as_plugin_file_errors():
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
        path = self._paths.plugin(name)
        with self._changing, as_plugin_file_errors():
            if name.endswith("/") or path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            files.write_atomically(Path(os.path.realpath(path)), content.encode("utf-8"))

    def _replace_directory(self, name: str, contents: Sequence[tuple[str, str]]) -> None:
        self._check_writable()
        path = self._paths.plugin(name)
        if path == self.root:
            raise traversal(name)  # a replacement writes beside the directory, here outside the root
        if self._paths.holds_environment(path):
            raise in_environment(name)
        if path.is_file():
            raise PluginFileError(
                f"Plugin '{name}' is a single file, not a directory; update it with PUT /api/v3/plugins/files"
            )
        for relative_path, _ in contents:
            if leaves(relative_path):
                raise traversal(relative_path)
        if not any(PurePosixPath(relative_path) == PurePosixPath("__init__.py") for relative_path, _ in contents):
            raise PluginFileError(f"Multi-file plugin directory must contain __init__.py: {path}")
        with self._changing, as_plugin_file_errors():
            files.replace_directory(
                Path(os.path.realpath(path)), [(name, content.encode("utf-8")) for name, content in contents]
            )

    def _check_writable(self) -> None:
        if self._read_only:
            raise PluginFileError(_INSTALLATION_DISABLED)


def _describe(path: Path, name: str) -> PluginFile:
    status = path.stat()
    return PluginFile(name, str(path), status.st_size, status.st_mtime_ns // 1_000_000)
