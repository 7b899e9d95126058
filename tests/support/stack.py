"""Pulumi projects in folders of their own, driven through the real CLI."""

from __future__ import annotations

import json
import re
import subprocess
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pulumi_cli import PulumiCli

HEADER = """
import pulumi
from pulumi_influxdb3_engine import *
"""

_INTERRUPTED = re.compile(
    r"""^(\ *)Traceback\ \(most\ recent\ call\ last\):\n
    \1\ \ File\ "[^"]*/pulumi-language-python-exec",.*\n
    (\1\ \ .*\n)*
    \1KeyboardInterrupt$""",
    re.MULTILINE | re.VERBOSE,
)


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it printed."""

    status: int
    output: str

    def changes(self) -> str:
        """What the CLI counts under ``Resources:``, such as ``+ 2 created``, without the count of what is the same."""
        _, _, tail = self.output.partition("Resources:\n")
        lines = [line.strip() for line in tail.splitlines()[:6] if line.startswith("    ")]
        return ", ".join(line for line in lines if not line.endswith("unchanged"))

    def has_traceback(self) -> bool:
        """Whether an exception of the program, of the provider or of the SDK is shown.

        Not those of the current language host: it interrupts a program whose resource is refused, and shows where.
        """
        _, _, diagnostics = self.output.partition("\nDiagnostics:\n")  # repeats what comes in pieces before it
        return "Traceback" in _INTERRUPTED.sub("", diagnostics or self.output)


@dataclass
class ProjectStack:
    """One stack of a Pulumi project whose files exist; the state is below ``directory``."""

    directory: Path
    cli: PulumiCli
    environment: Mapping[str, str]
    name: str = "dev"
    config: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.directory / "state").mkdir(exist_ok=True)
        self.run("stack", "select", self.name, "--create", expect=0)
        for key, value in self.config.items():
            self.run("config", "set", key, value, expect=0)

    def up(self, *arguments: str, expect: int | None = 0) -> Ran:
        return self.run("up", "--yes", "--skip-preview", *arguments, expect=expect)

    def preview(self, *arguments: str, expect: int | None = 0) -> Ran:
        return self.run("preview", *arguments, expect=expect)

    def refresh(self, *arguments: str, expect: int | None = 0) -> Ran:
        return self.run("refresh", "--yes", "--skip-preview", *arguments, expect=expect)

    def destroy(self, *arguments: str, expect: int | None = 0) -> Ran:
        return self.run("destroy", "--yes", "--skip-preview", *arguments, expect=expect)

    def outputs(self) -> Any:
        return json.loads(self.run("stack", "output", "--json", expect=0).output)

    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources in the state file by name, the stack itself left out."""
        state = json.loads(self.run("stack", "export", expect=0).output)
        found = state["deployment"].get("resources", [])
        return {each["urn"].rpartition("::")[2]: each for each in found if "dynamic/influxdb3" in each["type"]}

    def run(self, *arguments: str, expect: int | None = None) -> Ran:
        """Run the CLI; ``expect`` is the exit status that the test relies on."""
        environment = self.cli.environment(self.environment) | {
            "PULUMI_BACKEND_URL": (self.directory / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_HOME": str(self.directory / "home"),
            "PULUMI_STACK": self.name,
        }
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=200,
            check=False,
        )
        ran = Ran(done.returncode, done.stdout)
        if expect is not None:
            assert ran.status == expect, ran.output
        return ran


@dataclass
class Stack(ProjectStack):
    """One stack of a project that the test writes."""

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "Pulumi.yaml").write_text("name: test\nruntime: python\n")
        super().__post_init__()

    def program(self, text: str) -> None:
        """Write the program; the provider's names are imported."""
        (self.directory / "__main__.py").write_text(HEADER + textwrap.dedent(text))
