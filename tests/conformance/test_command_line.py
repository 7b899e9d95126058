"""A tour with the official ``influxdb3`` command line.

``INFLUXDB3_CLI`` names the program, and the tour goes through the embedded engine. ``INFLUXDB3_SERVER`` names it, too:
then the program serves as well, and the tour shows what a real server answers.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from scenes import wait_until
from servers import PROGRAM, start_server
from wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine

CLI = os.environ.get("INFLUXDB3_CLI", PROGRAM)

pytestmark = pytest.mark.skipif(CLI is None, reason="neither INFLUXDB3_CLI nor INFLUXDB3_SERVER names a program")

DOUBLE = """\
def process_writes(influxdb3_local, table_batches, args=None):
    for batch in table_batches:
        for row in batch["rows"]:
            line = LineBuilder("doubled").tag("host", row["host"]).float64_field("v", row["v"] * 2)
            influxdb3_local.write(line)
"""
TICK = """\
def process_scheduled_call(influxdb3_local, call_time, args=None):
    influxdb3_local.info("tick")
    influxdb3_local.write(LineBuilder("ticks").int64_field("n", 1))
"""
ANSWER = """\
from .answers import answer
def process_request(influxdb3_local, query, headers, body, args=None):
    return {"answer": answer, "args": args}
"""


@dataclass
class CommandLine:
    """The program, and the server that it talks to.

    Attributes:
        directory: Where commands run.
        server: The server.
        token: The token that commands have. Empty: no token.
    """

    directory: Path
    server: RunningEngine
    token: str = ""

    def run(self, *arguments: str, answer: str = "") -> str:
        """Return what a command prints; fails if the command does."""
        done = self._run(arguments, answer)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fail(self, *arguments: str) -> str:
        """Return the error of a command that fails."""
        done = self._run(arguments, "")
        assert done.returncode == 1, done.stdout
        return done.stderr

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the rows that a command prints."""
        rows: list[dict[str, Any]] = json.loads(self.run(*arguments, "--format", "json"))
        return rows

    def upload(self, name: str, path: str, specification: str, database: str, *further: str) -> None:
        """Create a trigger with the plugin that it runs."""
        where = ("--database", database, "--path", path, "--upload", "--trigger-spec", specification)
        assert "created successfully" in self.run("create", "trigger", *where, *further, name)

    def _run(self, arguments: tuple[str, ...], answer: str) -> subprocess.CompletedProcess[str]:
        # the program would take the tests' own virtual environment for its plugins'
        environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        environment["INFLUXDB3_HOST_URL"] = self.server.url
        if self.token:
            environment["INFLUXDB3_AUTH_TOKEN"] = self.token
        return subprocess.run(
            [str(CLI), *arguments],
            cwd=self.directory,
            env=environment,
            input=answer,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with start_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def cli(server: RunningEngine, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, server)


@pytest.fixture
def database(cli: CommandLine) -> Iterator[str]:
    name = f"db_{uuid.uuid4().hex[:8]}"
    cli.run("create", "database", name)
    yield name
    # a Core server has five databases at most
    cli.run("delete", "database", name, "--yes", "--hard-delete", "now")


def test_databases(cli: CommandLine) -> None:
    name = f"db_{uuid.uuid4().hex[:8]}"
    assert "created successfully" in cli.run("create", "database", name, "--retention-period", "90m")
    assert "already exists" in cli.fail("create", "database", name)
    assert {"iox::database": name} in cli.rows("show", "databases")
    retention = {"database_name": name, "retention_period": "90.0000m"}
    assert cli.rows("show", "retention", "--database", name) == [retention]
    cli.run("update", "database", "--database", name, "--retention-period", "7d")
    assert cli.rows("show", "retention", "--database", name)[0]["retention_period"] == "7.0000d"
    assert "deleted successfully" in cli.run("delete", "database", name, "--yes")
    assert {"iox::database": name} not in cli.rows("show", "databases")
    deleted = [row["iox::database"] for row in cli.rows("show", "databases", "--show-deleted") if row["deleted"]]
    assert any(each.startswith(f"{name}-") for each in deleted)
    assert "not found" in cli.fail("delete", "database", name, "--yes")


def test_tables(cli: CommandLine, database: str) -> None:
    where = ("--database", database)
    cli.run("create", "table", *where, "--tags", "host", "--fields", "v:float64,n:int64", "--", "cpu")
    assert "already exists" in cli.fail(
        "create", "table", *where, "--tags", "host", "--fields", "v:float64", "--", "cpu"
    )
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'cpu' ORDER BY column_name"
    assert [row["column_name"] for row in cli.rows("query", *where, columns)] == ["host", "n", "time", "v"]
    assert "deleted successfully" in cli.run("delete", "table", *where, "--yes", "cpu")
    assert "not found" in cli.fail("query", *where, "SELECT * FROM cpu")


def test_writes_and_queries(cli: CommandLine, database: str) -> None:
    where = ("--database", database)
    cli.run("write", *where, "cpu,host=a v=1")
    cli.run("write", *where, "--gzip", "--no-sync", "cpu,host=b v=2")
    (cli.directory / "lines").write_text("cpu,host=c v=3 1\ncpu,host=d v=4 2\n")
    cli.run("write", *where, "--file", "lines", "--precision", "s")
    assert "partial write of line protocol occurred" in cli.fail("write", *where, "cpu host=e")
    query = (*where, "SELECT host, v FROM cpu ORDER BY host")
    rows = [{"host": host, "v": v} for host, v in zip("abcd", (1.0, 2.0, 3.0, 4.0), strict=True)]
    wait_until(lambda: cli.rows("query", *query) == rows)
    assert [json.loads(line) for line in cli.run("query", *query, "--format", "jsonl").split()] == rows
    assert cli.run("query", *query, "--format", "csv").split() == ["host,v", "a,1.0", "b,2.0", "c,3.0", "d,4.0"]
    assert "| a    | 1.0 |" in cli.run("query", *query)
    cli.run("query", *query, "--format", "parquet", "--output", "rows.parquet")
    assert pq.read_table(cli.directory / "rows.parquet").to_pylist() == rows
    (cli.directory / "query.sql").write_text("SELECT count(*) AS rows FROM cpu")
    assert cli.rows("query", *where, "--file", "query.sql") == [{"rows": 4}]
    assert "No field named nope" in cli.fail("query", *where, "SELECT nope FROM cpu")


def test_triggers_with_uploaded_plugins(cli: CommandLine, database: str) -> None:
    where = ("--database", database)
    (cli.directory / "double.py").write_text(DOUBLE)
    (cli.directory / "tick.py").write_text(TICK)
    (cli.directory / "answers").mkdir()
    (cli.directory / "answers" / "__init__.py").write_text(ANSWER)
    (cli.directory / "answers" / "answers.py").write_text("answer = 42\n")
    cli.run("write", *where, "cpu,host=a v=1\ndoubled,host=a v=2\nticks n=0i")  # makes the tables
    cli.upload("double", "double.py", "table:cpu", database)
    cli.upload("tick", "tick.py", "every:1s", database, "--error-behavior", "retry", "--run-asynchronous")
    cli.upload("answer", "answers", "request:answer", database, "--trigger-arguments", "a=1,b=2", "--disabled")
    assert cli.server.client.call_request_trigger("answer").status_code == 404
    cli.run("enable", "trigger", *where, "answer")
    assert cli.server.client.call_request_trigger("answer").json() == {"answer": 42, "args": {"a": "1", "b": "2"}}
    cli.run("write", *where, "cpu,host=b v=2")
    wait_until(lambda: {"v": 4.0} in cli.rows("query", *where, "SELECT v FROM doubled WHERE host = 'b'"))
    wait_until(lambda: {"n": 1} in cli.rows("query", *where, "SELECT n FROM ticks"))

    triggers = cli.rows("show", "system", *where, "table", "processing_engine_triggers", "--order-by", "trigger_name")
    assert [(row["trigger_name"], row["disabled"]) for row in triggers] == [
        ("answer", False),
        ("double", False),
        ("tick", False),
    ]
    assert "processing_engine_logs" in cli.run("show", "system", *where, "table-list")
    assert "answer" in cli.run("show", "system", *where, "summary")
    files = {row["file_name"] for row in cli.rows("show", "plugins")}
    assert {"double.py", "tick.py", "__init__.py", "answers.py"} <= files

    (cli.directory / "double.py").write_text(DOUBLE.replace("* 2", "* 3"))
    cli.run("update", "trigger", *where, "--trigger-name", "double", "--path", "double.py")
    cli.run("write", *where, "cpu,host=c v=2")
    wait_until(lambda: {"v": 6.0} in cli.rows("query", *where, "SELECT v FROM doubled WHERE host = 'c'"))

    cli.run("disable", "trigger", *where, "answer")
    assert cli.server.client.call_request_trigger("answer").status_code == 404
    assert "Cannot delete running plugin" in cli.fail("delete", "trigger", *where, "tick")
    cli.run("delete", "trigger", *where, "tick", "--force")
    cli.run("delete", "trigger", *where, "answer")
    cli.run("delete", "trigger", *where, "double", "--force")
    assert cli.rows("show", "system", *where, "table", "processing_engine_triggers") == []


def test_dry_runs(cli: CommandLine, database: str) -> None:
    where = ("--database", database)
    cli.server.client.create_plugin_file("double.py", DOUBLE)
    cli.server.client.create_plugin_file("tick.py", TICK)
    lines = ("--lp", "cpu,host=a v=1.5", "--input-arguments", "a=1")
    wal = json.loads(cli.run("test", "wal_plugin", *where, *lines, "double.py"))
    assert (wal["database_writes"], wal["errors"]) == ({database: ["doubled,host=a v=3.0"]}, [])
    schedule = json.loads(cli.run("test", "schedule_plugin", *where, "--schedule", "0 0 * * * *", "tick.py"))
    assert (schedule["database_writes"], schedule["errors"]) == ({database: ["ticks n=1i"]}, [])
    assert "INFO: tick" in schedule["log_lines"]
    assert "Plugin not found" in cli.fail("test", "wal_plugin", *where, "--lp", "cpu v=1", "absent.py")


def test_an_installed_package_can_be_imported(cli: CommandLine, database: str) -> None:
    source = "def process_request(influxdb3_local, *_):\n    import toured\n    return toured.VERSION\n"
    (cli.directory / "version.py").write_text(source)
    cli.run("install", "package", str(wheel(cli.directory, "toured", "1.2")))
    cli.upload("version", "version.py", "request:version", database)
    assert cli.server.client.call_request_trigger("version").text == "1.2"
    cli.run("delete", "trigger", "--database", database, "version", "--force")


def test_tokens(tmp_path: Path) -> None:
    def secret(printed: str) -> str:
        found = re.search(r"Token:\S* (apiv3_\S+)", printed)
        assert found is not None, printed
        return found[1]

    with start_server(tmp_path / "server", without_auth=False) as server:
        cli = CommandLine(tmp_path, server)
        operator = secret(cli.run("create", "token", "--admin"))
        assert "409" in cli.run("create", "token", "--admin")  # this failure has the exit status 0
        assert "401 Unauthorized" in cli.fail("show", "databases")
        cli.token = operator
        named = secret(cli.run("create", "token", "--admin", "--name", "ci", "--expiry", "1d"))
        tokens = cli.rows("show", "tokens")
        assert [(row["token_id"], row["name"], "expiry" in row) for row in tokens] == [
            (0, "_admin", False),
            (1, "ci", True),
        ]
        assert CommandLine(tmp_path, server, named).rows("show", "databases") == [{"iox::database": "_internal"}]
        cli.run("delete", "token", "--token-name", "ci", "--yes")
        assert "401 Unauthorized" in CommandLine(tmp_path, server, named).fail("show", "databases")
        assert "not found" in cli.fail("delete", "token", "--token-name", "ci", "--yes")
        renewed = secret(cli.run("create", "token", "--admin", "--regenerate", answer="yes\n"))
        assert "401 Unauthorized" in cli.fail("show", "databases")
        assert CommandLine(tmp_path, server, renewed).rows("show", "databases")
