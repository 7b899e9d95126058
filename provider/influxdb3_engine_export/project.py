"""The folder with the Pulumi project."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from influxdb3_engine_export.plugins import DeclaredPlugin
    from influxdb3_engine_export.program import ProgramText

_DISTRIBUTION = "pulumi-influxdb3-engine"
_PLAIN_YAML = re.compile(r"[A-Za-z][A-Za-z0-9:/._-]*[A-Za-z0-9/_-]")
_STACK = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,2}")
_SECONDS = 60


class NotWritten(Exception):
    """The project was not written; the text says why and what to do."""


@dataclass(frozen=True)
class Project:
    """Where the project goes.

    Attributes:
        directory: Its folder.
        stack: Name of its stack.
        configuration: Keys of the stack's configuration that are not secret.
        secrets: Keys that are secret.
    """

    directory: Path
    stack: str
    configuration: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the project, from that of the folder."""
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", self.directory.absolute().name).strip("-.")
        return name[:100] or "influxdb3"

    def refuse_existing(self) -> None:
        """Refuse a folder that holds something, and an invalid name of a stack.

        Raises:
            NotWritten: Says what to do.
        """
        if not _STACK.fullmatch(self.stack):
            raise NotWritten(f"{self.stack!r} is not the name of a stack: use letters, digits, '-', '_' and '.'")
        try:
            if self.directory.exists() and (not self.directory.is_dir() or any(self.directory.iterdir())):
                raise NotWritten(f"{self.directory} exists and is not an empty folder: pass --out with a new folder")
        except OSError as error:
            raise NotWritten(f"{self.directory} cannot be read: {error.strerror}") from None

    def write(self, program: ProgramText, plugins: Mapping[str, DeclaredPlugin]) -> int:
        """Write all files but the secrets; returns their number.

        Raises:
            NotWritten: A file could not be written.
        """
        files = {
            "Pulumi.yaml": f"name: {_yaml(self.name)}\nruntime: python\n"
            "description: Triggers, plugins and packages of an InfluxDB 3 server.\n",
            f"Pulumi.{self.stack.rpartition('/')[2]}.yaml": "config:\n"
            + "".join(f"  {key}: {_yaml(value)}\n" for key, value in self.configuration.items()),
            "__main__.py": program.text,
            "requirements.txt": f"{_DISTRIBUTION}>={importlib.metadata.version(_DISTRIBUTION)}\n",
        }
        for plugin in plugins.values():
            for path, text in plugin.files.items():
                files[f"{plugin.source}/{path}" if path else plugin.source] = text
        try:
            for name, text in files.items():
                file = self.directory / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text.encode())
        except OSError as error:
            raise NotWritten(f"{error.filename} was not written: {error.strerror}") from None
        return len(files)

    def set_secrets(self, progress: Callable[[str], None]) -> str | None:
        """Put the secrets into the stack's configuration; returns why that failed, or None.

        The values go through standard input: other users of the machine see the arguments of a process.
        """
        pulumi = shutil.which("pulumi")
        if pulumi is None:
            return "the Pulumi CLI is not on PATH"
        failure = self._run(pulumi, "stack", "select", "--create", self.stack)
        for number, (key, value) in enumerate(self.secrets.items(), 1):
            if failure is not None:
                return failure
            progress(f"secrets ({number} of {len(self.secrets)})")
            failure = self._run(pulumi, *self._command(key), text=f"{value}\n")
        return failure

    def commands(self) -> list[str]:
        """The commands that set the secrets; each asks for its value."""
        commands = [["stack", "select", "--create", self.stack], *map(self._command, self.secrets)]
        return [" ".join(["pulumi", *command]) for command in commands]

    def _command(self, key: str) -> list[str]:
        return ["config", "set", "--secret", key, "--stack", self.stack]

    def _run(self, *command: str, text: str = "") -> str | None:
        """Run the CLI; returns why it failed, or None."""
        try:
            done = subprocess.run(  # noqa: S603 - without a shell
                [*command, "--non-interactive", "--color", "never"],
                cwd=self.directory,
                input=text,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            return f"the Pulumi CLI did not run ({type(error).__name__})"
        if not done.returncode:
            return None
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        return next((line for line in lines if line.startswith("error:")), f"the CLI ended with {done.returncode}")


def _yaml(value: str) -> str:
    """A scalar of YAML."""
    return value if _PLAIN_YAML.fullmatch(value) else json.dumps(value)
