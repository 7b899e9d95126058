"""What all tests share: the Pulumi CLI, installed before the first of them, and compiled modules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pulumi_cli import PulumiCliNotFound, find_or_install

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROJECT = Path(__file__).parents[1]
_NEED_THE_CLI = (_PROJECT / "tests" / "end_to_end", _PROJECT / "examples")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Find or install the CLI once, in the process that starts the workers, if a test that needs it is selected.

    A build takes minutes: here its progress shows, and it costs no test its time.
    """
    config = session.config
    if hasattr(config, "workerinput") or not any(_needs_the_cli(argument) for argument in config.args):
        return
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    try:
        find_or_install(report=reporter.write_line)
    except PulumiCliNotFound as error:
        pytest.exit(str(error), returncode=1)


def _needs_the_cli(argument: str) -> bool:
    selected = Path(argument.partition("::")[0]).resolve()
    return any(selected in (needing, *needing.parents) or needing in selected.parents for needing in _NEED_THE_CLI)


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the many processes that tests start share compiled modules, also where none are kept beside the sources."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        # the parent is the same for all workers of a run
        environment.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.getbasetemp().parent / "bytecode"))
        yield
