"""Fixtures: stacks of the real CLI on a running embedded engine."""

from __future__ import annotations

import os
import uuid

import pytest
from servers import delete_databases, start_server
from stack import Stack

from pulumi_cli import find_or_install

CLOSED_PORT = "http://127.0.0.1:9"


@pytest.fixture(scope="session")
def cli():
    """The Pulumi CLI, installed or built on the first use; other test processes wait meanwhile."""
    return find_or_install(report=print)


@pytest.fixture
def unreachable_stack(tmp_path, cli):
    """A stack whose URL leads to no server."""
    return Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": CLOSED_PORT})


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """An engine for the tests of a module; each test uses its own database."""
    with start_server(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture(autouse=True)
def no_database_left(request):
    """Delete the databases that a test has created on the engine of its module."""
    if "engine" not in request.fixturenames:
        yield
        return
    client = request.getfixturevalue("engine").client
    yield
    delete_databases(client)


@pytest.fixture
def db(engine):
    """A database for one test."""
    name = f"db_{uuid.uuid4().hex[:8]}"
    engine.client.create_database(name)
    return name


@pytest.fixture
def stack(tmp_path, cli, engine):
    """A stack on the engine, destroyed after the test."""
    stack = Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": engine.url})
    yield stack
    stack.destroy(expect=None)
