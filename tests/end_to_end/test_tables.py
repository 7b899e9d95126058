"""Tables through the real CLI."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from breaking_proxy import BreakingProxy
from stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine
    from pulumi_cli import PulumiCli

WRITES = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"


def columns(engine: RunningEngine, db: str, table: str = "cpu") -> dict[str, str]:
    return {row.column_name: row.data_type for row in engine.client.columns(db, table)}


def test_a_table_is_created_compared_refreshed_and_kept(stack: Stack, engine: RunningEngine, db: str) -> None:
    def declare(fields: dict[str, str], more: str = "") -> None:
        stack.program(
            f"""
            cpu = Table("cpu", db="{db}", tags=["host"], fields={fields!r}, {more})
            pulumi.export("table", [cpu.id, cpu.db, cpu.table_name, cpu.tags, cpu.fields, cpu.retain])
            """
        )

    declare({"usage": "float64", "on": "bool"})
    stack.preview()
    assert columns(engine, db) == {}
    stack.up()
    assert stack.outputs() == {"table": [f"{db}/cpu", db, "cpu", ["host"], {"usage": "float64", "on": "bool"}, True]}
    assert columns(engine, db).keys() == {"host", "usage", "on", "time"}
    assert stack.up().changes() == ""

    engine.client.write_lp(db, "cpu,host=a,rack=b usage=1,cores=8i")
    assert stack.refresh().changes() == ""  # columns that are not declared

    declare({"usage": "float64", "cores": "int64"})
    assert "~ 1 to update" in stack.preview().changes()
    assert stack.up().changes() == "~ 1 updated"

    declare({"usage": "float64", "idle": "float64"})
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert not ran.has_traceback()
    assert "idle: declared float64, server has no such column" in ran.output

    declare({"usage": "float64"})
    ran = stack.destroy()
    assert f"table 'cpu' in database '{db}' is kept with its data" in ran.output
    assert "cores" in columns(engine, db)


def test_an_existing_table_is_used_or_an_error_shows_the_difference(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    engine.client.write_lp(db, "cpu,host=a usage=1")
    stack.program(f'Table("mine", db="{db}", table_name="cpu", tags=["host"])')
    assert "+ 2 created" in stack.up().changes()
    stack.destroy()

    stack.program(f'Table("cpu", db="{db}", fields={{"host": "utf8", "usage": "int64"}})')
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert "host: declared utf8, server tag" in ran.output
    assert "usage: declared int64, server float64" in ran.output


def test_with_retain_false_destroying_and_renaming_delete_the_table(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    for name in ("one", "two"):
        stack.program(f'Table("t", db="{db}", table_name="{name}", fields={{"v": "int64"}}, retain=False)')
        ran = stack.up()
    assert f"table 'one' in database '{db}' was deleted with its data" in ran.output
    assert columns(engine, db, "one") == {}
    engine.client.write_lp(db, "two v=1i")
    stack.up("--replace", stack.resources()["t"]["urn"])
    assert engine.client.query_sql(db, "SELECT * FROM two") == []

    engine.client.delete_table(db, "two")
    assert "- 1 deleted" in stack.refresh().changes()
    stack.up()
    assert columns(engine, db, "two") != {}
    stack.destroy()
    assert columns(engine, db, "two") == {}

    engine.client.write_lp(db, "theirs v=1i")
    stack.program(f'Table("theirs", db="{db}", retain=False)')
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert "a destroy would delete data that this stack did not create" in " ".join(ran.output.split())


def test_the_preview_refuses_invalid_tables_and_two_of_one_name(unreachable_stack: Stack) -> None:
    programs = {
        'Table("a", db="d")\nTable("b", db="d", table_name="a")': "is the table 'a' in database 'd', too",
        'Table("a", db="d", fields={"v": "int32"})': "fields.v: 'utf8', 'int64', 'uint64', 'float64' or 'bool'",
        'Table("a", db="d", tags=["time"])': "tags[0]: every table has the column 'time': leave it out",
        'Table("a")': "db: set it, or a default for the stack: pulumi config set influxdb3:database NAME",
    }
    for program, reason in programs.items():
        unreachable_stack.program(program)
        ran = unreachable_stack.preview(expect=None)
        assert ran.status != 0
        assert reason in " ".join(ran.output.split())


def test_a_table_in_a_missing_database_does_not_create_the_database(stack: Stack, engine: RunningEngine) -> None:
    stack.program('Table("cpu", db="misspelt")')
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert "there is no database 'misspelt': declare a Database" in " ".join(ran.output.split())
    assert "misspelt" not in engine.client.databases()


@pytest.mark.parametrize("online", ["true", "false"])
def test_a_trigger_on_a_declared_table_causes_no_warning(stack: Stack, engine: RunningEngine, online: str) -> None:
    stack.run("config", "set", "influxdb3:onlineChecks", online, expect=0)
    stack.program(
        f"""
        new = Database("new")
        code = PluginFile("on_cpu.py", content={WRITES!r})
        cpu = Table("cpu", db=new.db, tags=["host"], fields={{"usage": "float64"}})
        Trigger("t", db=new.db, plugin_filename=code.plugin_filename, trigger_specification=table(cpu.table_name))
        """
    )
    outputs = [stack.preview().output, stack.up().output]
    assert not any("does not exist yet" in output for output in outputs)
    assert columns(engine, "new") != {}


def test_the_requests_of_tables_are_those_that_the_readme_lists(
    tmp_path: Path, cli: PulumiCli, engine: RunningEngine, db: str
) -> None:
    proxy = BreakingProxy(engine.url, silence=0)
    stack = Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": proxy.url})

    def requests(operation: Callable[[], object]) -> list[str]:
        proxy.requests.clear()
        operation()
        return sorted(request.split("?")[0].removeprefix("/api/v3") for request in proxy.requests)

    def declare(fields: dict[str, str]) -> None:
        stack.program(f'for name in "ab": Table(name, db="{db}", fields={fields!r}, retain=False)')

    listed, query = "GET /api/v3/configure/database", "POST /api/v3/query_sql"
    declare({"v": "int64"})
    assert requests(stack.preview) == []
    assert requests(stack.up) == [listed, *["POST /api/v3/configure/table"] * 2, *[query] * 2]
    assert requests(stack.up) == []
    assert requests(stack.refresh) == [query] * 2
    declare({})
    assert requests(stack.up) == ["GET /ping", query, query]
    assert requests(stack.destroy) == [*["DELETE /api/v3/configure/table"] * 2, "GET /ping"]
    proxy.close()
