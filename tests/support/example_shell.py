"""A copy of an example and a shell in it, which runs the commands of the example's README."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from example_projects import copied

from pulumi_cli import find_or_install

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]

# A test runs in the environment that `uv run` would prepare.
_UV_RUN = 'uv() { shift; case "$1" in *.py) python "$@" ;; *) "$@" ;; esac; }'


def shell_blocks(readme: Path) -> list[list[str]]:
    """The commands of each ``sh`` block of a README; a line that ends with a backslash goes on in the next line."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", readme.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [
        [line for line in block.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
        for block in blocks
    ]


def listed_requests(readme: Path) -> dict[str, int]:
    """The table of a README that has the columns "Step" and "Requests"."""
    table = re.search(r"^\| Step \| Requests \|\n\|---\|---\|\n((?:\|.*\n)+)", readme.read_text("utf-8"), re.MULTILINE)
    rows = [row.strip("|\n ").split(" | ") for row in table[1].splitlines()] if table else []
    return {step: int(requests) for step, requests in rows}


class CountingServer(Protocol):
    """What counts requests, such as a ``BreakingProxy``."""

    requests: list[str]


class ExampleShell:
    """A shell in a copy of the project that has this one example, with a Pulumi backend of its own.

    Args:
        example: Folder of the example.
        root: Folder for the copy, and for the state of the stacks. The shell starts there.

    Attributes:
        directory: The copy of the example.
        servers: What counts the requests for the README's table of requests.
        replace: Texts of the README's commands, such as the URL of a server, and what a test runs in their place.
    """

    def __init__(self, example: Path, root: Path) -> None:
        self.directory = root / "examples" / example.name
        copied(example, self.directory)
        self.servers: list[CountingServer] = []
        self.replace: dict[str, str] = {}
        self._readme = example / "README.md"
        self._blocks = shell_blocks(self._readme)
        self._requests: dict[str, int] = {}
        self._used: set[str] = set()
        (root / "state").mkdir()
        environment = find_or_install(report=print).environment(os.environ) | {
            "PULUMI_BACKEND_URL": (root / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_HOME": str(root / "home"),
            "PULUMI_SKIP_CONFIRMATIONS": "true",  # a reader answers the question of `pulumi up`
            "COLUMNS": "200",
        }
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-s"],
            cwd=root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.run(_UV_RUN)

    def run(self, command: str, *, fails: bool = False) -> str:
        """Run a command and return its output; ``fails`` says whether it has to fail."""
        end = f"end-{uuid.uuid4().hex}"
        assert self._shell.stdin is not None
        self._shell.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n%s\\n' {end}-$?\n")
        self._shell.stdin.flush()
        *output, last = self._lines_to(end)
        assert (last == "0") != fails, f"{command}\nended with status {last}:\n{''.join(output)}"
        return "".join(output).rstrip()

    def readme(self, step: str | None = None) -> str:
        """Run the next block of the README. A command with a comment that begins with "fails" has to fail.

        Args:
            step: Row of the README's table of requests that has the number of requests of this block.

        Returns:
            Output of all commands of the block.
        """
        assert self._blocks, "the README has no further block of commands"
        before = self._count()
        commands = [self._replaced(command) for command in self._blocks.pop(0)]
        output = "\n".join(self.run(command, fails="# fails" in command) for command in commands)
        if step is not None:
            self._requests[step] = self._count() - before
        return output

    def count(self, step: str, requests: list[str]) -> None:
        """Note the requests of a step that is not a block of the README."""
        self._requests[step] = len(requests)

    def check_the_readme(self) -> None:
        """Raise AssertionError if a block did not run, a replacement was not used, or a number of requests is wrong."""
        assert not self._blocks, f"the test does not run these blocks: {self._blocks}"
        unused = set(self.replace) - self._used
        assert not unused, f"these texts to replace do not occur in the README: {unused}"
        listed = listed_requests(self._readme)
        assert listed == self._requests, f"the README lists {listed} requests; the test counted {self._requests}"

    def close(self) -> None:
        """End the shell and what it started."""
        os.killpg(self._shell.pid, signal.SIGTERM)
        self._shell.communicate()

    def _count(self) -> int:
        return sum(len(server.requests) for server in self.servers)

    def _lines_to(self, end: str) -> Iterator[str]:
        """The lines before the one that starts with ``end``, and what follows ``end`` in that line."""
        assert self._shell.stdout is not None
        for line in self._shell.stdout:
            if line.startswith(end):
                yield line.rpartition("-")[2].strip()
                return
            yield line
        raise AssertionError("the shell ended")

    def _replaced(self, command: str) -> str:
        for text, other in self.replace.items():
            if text in command:
                self._used.add(text)
                command = command.replace(text, other)
        return command
