"""Code that this deployment changes while triggers run it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Code(NamedTuple):
    """A plugin's code.

    Attributes:
        digest: ``content_sha256`` of its resource; ``plugin_sha256`` of its triggers.
        contents: Path below the plugin directory to the file's text.
    """

    digest: str
    contents: Mapping[str, str]


class CodeChanges:
    """Changes of code that triggers run.

    Attributes:
        replaced: ``plugin_filename`` to the previous code, as the state has it.
        failed: ``plugin_filename`` to the trigger that failed on the new code; the previous code was put back.
    """

    def __init__(self) -> None:
        self.replaced: dict[str, Code] = {}
        self.failed: dict[str, str] = {}
