"""How values of a program travel as properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def argument_text(value: Any) -> Any:
    """A trigger argument as the server takes it, which is text: ``80`` is ``"80"``, ``True`` is ``"true"``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def files_property(files: Mapping[str, Any]) -> dict[str, Any]:
    """Files by ``./PATH``: Pulumi hides members that start with two underscores, and so the code of ``__init__.py``."""
    return {path if path.startswith("./") else f"./{path}": content for path, content in files.items()}
