"""Loads a plugin and finds its entry point, as the real server does (contract 4.2 and 4.3)."""

from __future__ import annotations

import importlib
import linecache
import os
import sys
from typing import TYPE_CHECKING, Any

from .failures import describe

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, ModuleType

_SIGNATURES = {
    "process_writes": "process_writes(influxdb3_local, table_batches, args=None)",
    "process_scheduled_call": "process_scheduled_call(influxdb3_local, call_time, args=None)",
    "process_request": (
        "process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None)"
        " -> Tuple[str, Optional[Dict[str, str]]]"
    ),
}


class PluginNotLoaded(Exception):
    """A plugin's code cannot be loaded. The text is the real server's, the cause is the plugin's exception, if any."""


class SingleFile:
    """A plugin in one file. Each run executes the file in a new namespace."""

    def __init__(self) -> None:
        self._text = ""
        self._code: CodeType | None = None

    def update(self, name: str, text: str | None) -> None:
        """Set the file's text.

        Args:
            name: The file's name in tracebacks.
            text: The text; None if it has not changed.
        """
        if text is not None and text != self._text:
            self._text, self._code = text, None
        self._name = name

    def load(self, function: str) -> Callable[..., Any]:
        """Execute the file and return its entry point.

        Args:
            function: The entry point's name.

        Raises:
            PluginNotLoaded: The code failed, or has no entry point.
        """
        try:
            if self._code is None:
                self._code = self._compile()
            # Empty, as in the real server: __name__ is that of builtins, relative imports fail.
            namespace: dict[str, Any] = {}
            exec(self._code, namespace)  # noqa: S102 - this is what a plugin is
        except BaseException as error:
            raise PluginNotLoaded(describe(error)) from error
        return _entry_point(namespace, function)

    def _compile(self) -> CodeType:
        # Tracebacks show the lines that ran, even if the file has changed since. An entry without a time of
        # modification is never compared with the disk.
        linecache.cache[self._name] = (len(self._text), None, self._text.splitlines(keepends=True), self._name)
        try:
            # as bytes: Python follows their byte order mark or coding line, as in the real server
            return compile(self._text.encode(), self._name, "exec", dont_inherit=True)
        except SyntaxError as error:
            error.filename = "<string>"
            raise


class Package:
    """A plugin in a directory, imported again after each change of its files.

    A deviation: the real server needs a restart to see a change (contract 4.2).

    Args:
        path: Absolute path of the directory.
    """

    def __init__(self, path: str) -> None:
        self._parent, self._name = os.path.split(path)
        self._path = path
        self._state: frozenset[tuple[str, int, int, int]] | None = None
        self._module: ModuleType | None = None

    def load(self, function: str) -> Callable[..., Any]:
        """Import the package if needed and return its entry point.

        Args:
            function: The entry point's name.

        Raises:
            PluginNotLoaded: The import failed, or the package has no entry point.
        """
        state = _state(self._path)
        # Without its __init__.py the directory is gone or half replaced: the imported modules stay in use.
        if self._module is None or (state != self._state and os.path.exists(os.path.join(self._path, "__init__.py"))):  # noqa: PTH110, PTH118 - on every run
            self._module = None
            try:
                self._module = self._import()
            except BaseException as error:
                raise PluginNotLoaded(
                    f"Failed to import plugin module '{self._name}': {describe(error)}\n"
                    "Hint: Check for syntax errors or missing dependencies in Python files."
                ) from error
            self._state = state
        return _entry_point(vars(self._module), function)

    def _import(self) -> ModuleType:
        earlier = sys.modules.get(self._name)
        # A failed import leaves submodules without their package. A library of the same name stays.
        if earlier is None or (earlier.__file__ or "").startswith(self._path + os.sep):
            for name in list(sys.modules):
                if name == self._name or name.startswith(f"{self._name}."):
                    del sys.modules[name]
        linecache.checkcache()
        importlib.invalidate_caches()
        sys.path.insert(0, self._parent)
        try:
            return importlib.import_module(self._name)
        finally:
            if self._parent in sys.path:
                sys.path.remove(self._parent)


def _state(path: str) -> frozenset[tuple[str, int, int, int]]:
    """Return paths, times, sizes and inodes of a directory's files, to detect changes."""
    found = []
    pending = [path]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name != "__pycache__":
                            pending.append(entry.path)
                    else:
                        # A link's target is what is imported. It may be missing: editors make such links.
                        status = entry.stat(follow_symlinks=os.path.exists(entry.path))  # noqa: PTH110 - on every run
                        found.append((entry.path, status.st_mtime_ns, status.st_size, status.st_ino))
        except OSError:
            # The directory is being replaced: this state differs from the final one, so the next run looks again.
            continue
    return frozenset(found)


def _entry_point(namespace: dict[str, Any], function: str) -> Callable[..., Any]:
    if function not in namespace:
        raise PluginNotLoaded(
            f"the {function} function is not present in the plugin. Should be defined as: {_SIGNATURES[function]}"
        )
    entry_point: Callable[..., Any] = namespace[function]
    return entry_point
