"""Before the first test: the Pulumi CLI, whose build takes minutes, shows progress and costs no test its time."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulumi_cli import PulumiCliNotFound, find_or_install

_PROJECT = Path(__file__).parents[1]
_NEED_THE_CLI = (_PROJECT / "tests" / "end_to_end", _PROJECT / "examples" / "quickstart")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Find or install the CLI once, in the process that starts the workers, if a test that needs it is selected."""
    config = session.config
    if hasattr(config, "workerinput") or not any(_needs_the_cli(argument) for argument in config.args):
        return
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    try:
        find_or_install(report=reporter.write_line)
    except PulumiCliNotFound as error:
        pytest.exit(str(error), returncode=1)


def _needs_the_cli(argument: str) -> bool:
    selected = Path(argument.partition("::")[0]).resolve()
    return any(selected in (needing, *needing.parents) or needing in selected.parents for needing in _NEED_THE_CLI)
