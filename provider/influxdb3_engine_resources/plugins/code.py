"""The code of plugins that this deployment changes while triggers run it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Code(NamedTuple):
    """A plugin's code.

    Attributes:
        digest: What triggers know it by: ``content_sha256`` of its resource.
        contents: Path below the plugin directory to the file's text.
    """

    digest: str
    contents: Mapping[str, str]


class CodeChanges:
    """What this deployment does to code that triggers run, by their ``plugin_filename``.

    Attributes:
        replaced: The code that was there before, by the state.
        failed: What failed on the new code, so that the previous one is there again.
    """

    def __init__(self) -> None:
        self.replaced: dict[str, Code] = {}
        self.failed: dict[str, str] = {}
