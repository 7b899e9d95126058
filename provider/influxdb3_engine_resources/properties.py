"""How values of a program become properties."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRETS = "__secrets"
"""A property with the names of secret properties: Pulumi passes secrets to a provider in plain text. Not stored."""

LOST = "__lost"
"""A property with the names of properties whose value is lost: it comes from a resource that failed in this deployment.

With ``--continue-on-error`` Pulumi calls ``check`` without these values, and then skips the resource. Not stored.
"""

EXCLUDED = (".*", "__pycache__/", "*.py[cod]", "*.egg-info/", "venv/", "node_modules/", "Thumbs.db", "*~")
"""Left out of plugin directories: hidden files, and files that Python and editors leave behind."""

_CODING_LINE = re.compile(r"([ \t\f]*#.*?coding[:=][ \t]*)([-\w.]+)", re.ASCII)  # PEP 263
_BLANK_OR_COMMENT = re.compile(r"[ \t\f]*(?:#.*)?\r?", re.ASCII)


def argument_text(value: Any) -> Any:
    """A trigger argument as text, since the server takes only text: ``80`` is ``"80"``, ``True`` is ``"true"``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def files_property(files: Mapping[str, Any]) -> dict[str, Any]:
    """Files by ``./PATH``: Pulumi would hide ``__init__.py``, since it starts with two underscores."""
    return {path if path.startswith("./") else f"./{path}": content for path, content in files.items()}


def as_utf8(source: str) -> str:
    """A Python source that keeps its meaning when it is stored as UTF-8, the only encoding that the API can send.

    Removes a byte order mark. A coding line (PEP 263) that names another encoding names UTF-8 instead.
    """
    source = source.removeprefix("\ufeff")
    lines = source.split("\n", 2)
    for number, line in enumerate(lines[:2]):
        if declared := _CODING_LINE.match(line):
            if not _is_utf8(declared[2]):
                lines[number] = f"{declared[1]}utf-8{line[declared.end() :]}"
                return "\n".join(lines)
            break
        if not _BLANK_OR_COMMENT.fullmatch(line):
            break
    return source


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False
