"""Paths of plugins: in the plugin directory, outside its virtual environment (contract 4.1)."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENVIRONMENT = ".venv"
_LONGEST_PATH = 4_096


class PluginFileError(Exception):
    """A plugin's file cannot be found, read or written.

    Args:
        text: The real server's text without its prefix. The prefix depends on the operation: ``Plugin error: `` for a
            lookup, ``Processing engine error: plugin error: `` for a change.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class PluginPaths:
    """Turns names into paths and refuses forbidden ones.

    Args:
        root: The plugin directory.
        environment: The plugins' virtual environment; None if unknown.
    """

    def __init__(self, root: Path, environment: Path | None) -> None:
        self._root = root
        self._environment = environment

    def plugin(self, name: str) -> Path:
        """Return the path of a plugin or of one of its files.

        Raises:
            PluginFileError: The name is invalid, or leads out of the directory or into the virtual environment.
        """
        if leaves(name):
            raise traversal(name)
        path = self._root / name
        with as_plugin_file_errors():
            _check_length(name)
            root = self._root.resolve(strict=True)
            # realpath also follows symbolic links above a file that does not exist yet.
            if not Path(os.path.realpath(path)).is_relative_to(root):
                raise traversal(name)
            if self.is_in_environment(path):
                raise in_environment(name)
        return path

    def requirements(self, location: str) -> Path:
        """Return the path of a requirements file. pip may quote the file.

        Args:
            location: A path below the directory, relative or absolute.

        Raises:
            PluginFileError: The path leads out of the directory.
        """
        path = self._root / location
        with as_plugin_file_errors():
            _check_length(location)
            inside = Path(os.path.realpath(path)).is_relative_to(self._root.resolve(strict=True))
            if not inside or self.is_in_environment(path):
                raise PluginFileError(
                    f"requirements_location '{location}' is outside the plugin directory; "
                    "write the file with POST /api/v3/plugins/files and name that"
                )
        return path

    def is_in_environment(self, path: Path) -> bool:
        """Whether a path leads into the virtual environment, if that is below the plugin directory.

        Names are compared without case: the environment may not exist yet, and some file systems ignore case.
        """
        root, real = _folded(self._root), _folded(path)
        usual, configured = root / _ENVIRONMENT, _folded(self._environment or self._root)
        if root.is_relative_to(configured):
            return real.is_relative_to(usual)
        return real.is_relative_to(usual) or real.is_relative_to(configured)

    def holds_environment(self, path: Path) -> bool:
        """Whether the virtual environment is below a directory."""
        return self._environment is not None and _folded(self._environment).is_relative_to(_folded(path))


def _check_length(name: str) -> None:
    # resolving a name of a million parts takes minutes before it fails
    if len(name) > _LONGEST_PATH:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))


def _folded(path: Path) -> Path:
    return Path(os.path.realpath(path).casefold())


def leaves(name: str) -> bool:
    """Whether a name is absolute or has ``..`` in it."""
    return name.startswith("/") or ".." in name.split("/")


def traversal(name: str) -> PluginFileError:
    """Return the error for a name that leads out of the directory."""
    return PluginFileError(
        f"Path traversal detected: plugin filename '{name}' attempts to access files outside the plugin directory"
    )


def in_environment(name: str) -> PluginFileError:
    """Return the error for a name that leads into the virtual environment."""
    return PluginFileError(
        f"plugin filename '{name}' leads into the plugins' virtual environment, which only pip changes"
    )


@contextmanager
def as_plugin_file_errors() -> Iterator[None]:
    """Raise errors of files as `PluginFileError` with the real server's texts."""
    try:
        yield
    except OSError as error:
        raise PluginFileError(
            f"reading plugin file: {os.strerror(error.errno or 0)} (os error {error.errno})"
        ) from error
    except UnicodeError as error:
        raise PluginFileError("reading plugin file: stream did not contain valid UTF-8") from error
    except ValueError as error:
        # The standard library raises ValueError for a NUL.
        raise PluginFileError("reading plugin file: file name contained an unexpected NUL byte") from error
