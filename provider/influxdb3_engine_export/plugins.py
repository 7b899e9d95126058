"""How a program declares the code of a plugin: as one file, or as a directory in one of two forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from pathspec import GitIgnoreSpec

from influxdb3_engine_resources.plugins.directory import PluginDirectoryInputs, PluginDirectoryLogic, files_sha256
from influxdb3_engine_resources.plugins.file import PluginFileInputs, PluginFileLogic
from influxdb3_engine_resources.plugins.source import PluginSourceError, parse_directory, parse_file
from influxdb3_engine_resources.properties import EXCLUDED, as_utf8, files_property

if TYPE_CHECKING:
    from collections.abc import Mapping

    from influxdb3_engine_export.reading import PluginCode
    from influxdb3_engine_resources.program import Program

_ADDRESSED = re.compile(r"(?P<name>.+)_(?P<hash>[0-9a-f]{12})")
"""Name of a directory that a ``PluginDirectory`` has made."""


class Unusable(Exception):
    """A program cannot declare something as it is on the server; the text says why."""


class Form(Enum):
    """How a program declares a plugin."""

    FILE = "PluginFile with source="
    CONTENT = "PluginFile with content="
    ADDRESSED = "PluginDirectory"
    IN_PLACE = "PluginDirectory with in_place=True"


@dataclass(frozen=True)
class DeclaredPlugin:
    """A plugin of the program.

    Attributes:
        form: How the program declares it.
        plugin_name: The property of that name.
        files: Path below ``source``, empty for a single file, to the text.
        trigger_name: A trigger that runs it; set for a directory that is written in place.
    """

    form: Form
    plugin_name: str
    files: Mapping[str, str]
    trigger_name: str | None = None

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.form in {Form.ADDRESSED, Form.IN_PLACE}

    @property
    def identity(self) -> str:
        """What must be unique in a program."""
        return f"{'directory' if self.is_directory else 'file'} {self.plugin_name}"

    @property
    def imports_packages(self) -> bool:
        """Whether it may import something else than itself and the standard library."""
        try:
            if self.is_directory:
                return bool(parse_directory(self.files).imports)
            return bool(parse_file(self.plugin_name, self.files[""]).imports)
        except PluginSourceError:
            return True

    @property
    def source(self) -> str:
        """Path of its code, relative to the program."""
        return f"plugins/{self.plugin_name}"

    def check(self, program: Program) -> str:
        """Check it as a preview does, and declare it in a program; returns its ``plugin_filename``.

        Raises:
            InvalidInputs: A preview would refuse it.
        """
        if not self.is_directory:
            file = PluginFileInputs.checked({"plugin_name": self.plugin_name, "content": self.files[""]})
            return str(PluginFileLogic().check(file, program).plugin_filename)
        properties: dict[str, Any] = {"plugin_name": self.plugin_name, "files": files_property(self.files)}
        if self.form is Form.IN_PLACE:
            properties |= {"in_place": True, "trigger_name": self.trigger_name}
        directory = PluginDirectoryInputs.checked(properties)
        return str(PluginDirectoryLogic().check(directory, program).plugin_filename)


def declare_plugin(name: str, code: PluginCode, trigger_name: str) -> DeclaredPlugin:
    """The declaration that leaves a plugin on the server as it is.

    Args:
        name: Its path below the plugin directory.
        code: Its files.
        trigger_name: A trigger that runs it.

    Raises:
        Unusable: The program cannot hold the code as it is.
    """
    if not code.is_directory:
        text = _text(name, code.files[name])
        python = name.endswith(".py")
        if python and as_utf8(text) != text:
            raise Unusable("it has a byte order mark, or declares another encoding than UTF-8")
        # a program reads a Python file with the line ends of this machine
        return DeclaredPlugin(Form.CONTENT if python and "\r" in text else Form.FILE, name, {"": text})
    excluded = GitIgnoreSpec.from_lines(EXCLUDED)
    relative = {path.removeprefix(f"{name}/"): text for path, text in code.files.items()}
    files = {path: _text(path, text) for path, text in sorted(relative.items()) if not excluded.match_file(path)}
    for path, text in files.items():
        if path.endswith(".py") and (as_utf8(text) != text or "\r" in text):
            raise Unusable(f"{path} has line ends of Windows, or another encoding than UTF-8")
    addressed = _ADDRESSED.fullmatch(name)
    if addressed and files_sha256(files).startswith(addressed["hash"]):
        return DeclaredPlugin(Form.ADDRESSED, addressed["name"], files)
    return DeclaredPlugin(Form.IN_PLACE, name, files, trigger_name)


def _text(path: str, text: str | None) -> str:
    if text is None:
        raise Unusable(f"{path} is larger than a mebibyte, or not UTF-8 text")
    return text
