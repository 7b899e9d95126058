"""Fixtures: stacks of the real CLI on a running embedded engine; their programs use the wheel without its extra."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest
from installed import InstalledCli, install
from servers import CLOSED_PORT, delete_databases, start_server
from stack import Stack

from pulumi_cli import find_or_install

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from installed import Installation

    from influxdb3_embedded.testing import RunningEngine
    from pulumi_cli import PulumiCli


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the environments with the wheel are. The processes of a test run share this directory."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "installed"


@pytest.fixture(scope="session")
def installation(environments: Path) -> Installation:
    """A virtual environment with the wheel, without the extra."""
    return install(environments)


@pytest.fixture(scope="session")
def cli(installation: Installation) -> PulumiCli:
    """The Pulumi CLI, built or installed on the first use. Its programs run in the environment with the wheel."""
    found = find_or_install(report=print)
    return InstalledCli(found.directory, found.version, found.source, installation)


@pytest.fixture
def unreachable_stack(tmp_path: Path, cli: PulumiCli) -> Stack:
    """A stack whose URL leads to no server."""
    return Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": CLOSED_PORT})


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine for the tests of a module; each test uses its own database."""
    with start_server(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture(autouse=True)
def no_database_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Delete the databases that a test has created on the engine of its module."""
    if "engine" not in request.fixturenames:
        yield
        return
    client = request.getfixturevalue("engine").client
    yield
    delete_databases(client)


@pytest.fixture
def db(engine: RunningEngine) -> str:
    """A database for one test."""
    name = f"db_{uuid.uuid4().hex[:8]}"
    engine.client.create_database(name)
    return name


@pytest.fixture
def stack(tmp_path: Path, cli: PulumiCli, engine: RunningEngine) -> Iterator[Stack]:
    """A stack on the engine, destroyed after the test."""
    stack = Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": engine.url})
    yield stack
    stack.destroy(expect=None)
