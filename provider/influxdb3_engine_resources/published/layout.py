"""The layout of a plugin directory: which of its files belong to the plugin, and which is the entry point."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from influxdb3_engine_resources.published.errors import PublishedError
from influxdb3_engine_resources.published.manifest import FILE_NAME, Manifest, parse_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INIT = "__init__.py"


def selected(paths: Iterable[str], exclude: Iterable[str]) -> list[str]:
    """The paths that ``exclude`` leaves, sorted.

    A pattern that matches a file itself counts more than one that matches a directory above it, in either order, as in
    InfluxData's SDK.

    Raises:
        PublishedError: One of the patterns is invalid.
    """
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - only for programs that deploy published plugins
    from pathspec.patterns.gitignore import GitIgnorePatternError  # noqa: PLC0415

    try:
        spec = GitIgnoreSpec.from_lines(exclude)
    except (GitIgnorePatternError, ValueError) as error:
        raise PublishedError(f"{FILE_NAME}: plugin.exclude: {error}") from None
    return sorted(path for path in paths if not spec.match_file(path))


def entry_point(paths: Iterable[str]) -> str:
    """The file that the server loads: ``__init__.py``, or the only ``.py`` file beside the manifest.

    Raises:
        PublishedError: There is no entry point, or more than one.
    """
    top = sorted(path for path in paths if "/" not in path and path.endswith(".py") and path != ".py")
    if INIT in top:
        return INIT
    if not top:
        raise PublishedError(f"there is no Python file beside {FILE_NAME}: write {INIT}, or one plugin file")
    if len(top) > 1:
        raise PublishedError(
            f"{', '.join(top)} stand beside {FILE_NAME}, and none is {INIT}: keep one, exclude the others in "
            f"plugin.exclude, or write {INIT}"
        )
    return top[0]


class PublishedPlugin:
    """A plugin with its manifest and its files.

    Args:
        files: Text of the files by path; ``None`` for a file that is not UTF-8 text.
        where: What messages call the plugin.

    Attributes:
        manifest: Its manifest.
        entry_point: The file that the server loads.
        files: Text of the files that belong to the plugin, by path; ``None`` for one that is not text.

    Raises:
        PublishedError: The manifest, the layout or the entry point does not follow the format.
    """

    def __init__(self, files: Mapping[str, str | None], where: str) -> None:
        manifest = files.get(FILE_NAME)
        if manifest is None:
            raise PublishedError(f"{where} has no {FILE_NAME}")
        self.manifest: Manifest = parse_manifest(manifest, f"{where}: {FILE_NAME}")
        try:
            left = selected(files, self.manifest.plugin.exclude)
            self.entry_point = entry_point(left)
            self.files = {path: files[path] for path in left}
            self._check_triggers()
        except PublishedError as error:
            raise PublishedError(f"{where}: {error}") from None

    @property
    def is_directory(self) -> bool:
        """Whether it is deployed as a directory: its entry point is ``__init__.py``."""
        return self.entry_point == INIT

    @property
    def code(self) -> str:
        """Text of the entry point."""
        return self.files[self.entry_point] or ""

    def _check_triggers(self) -> None:
        """Each trigger of the manifest is a function at the top level of the entry point."""
        if self.files[self.entry_point] is None:
            raise PublishedError(f"{self.entry_point} is not UTF-8 text")
        try:
            module = ast.parse(self.code.removeprefix("\ufeff"))
        except (SyntaxError, ValueError) as error:
            line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            raise PublishedError(f"{self.entry_point}{line}: {getattr(error, 'msg', error)}") from None
        except (MemoryError, RecursionError):
            raise PublishedError(f"{self.entry_point}: an expression is nested deeper than Python can parse") from None
        functions = {
            each.name: each for each in module.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        for name in self.manifest.plugin.triggers:
            if not isinstance(functions.get(name), ast.FunctionDef):
                how = "defines it as 'async def', which the server never awaits" if name in functions else "lacks it"
                raise PublishedError(
                    f"plugin.triggers names {name}, and {self.entry_point} {how}: write 'def {name}(...)' at its top "
                    "level"
                )
