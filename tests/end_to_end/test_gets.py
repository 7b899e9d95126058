"""``Trigger.get`` and ``Database.get`` read resources that other stacks manage."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine
    from pulumi_cli import PulumiCli

REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return {'args': args}\n"


@pytest.fixture
def theirs(tmp_path: Path, cli: PulumiCli, engine: RunningEngine, db: str) -> Iterator[Stack]:
    """A stack that manages the trigger ``hook`` in the database of the test, on a path with the database's name."""
    stack = Stack(tmp_path / "theirs", cli, os.environ, config={"influxdb3:hostUrl": engine.url})
    stack.program(
        f"""
        plugin = PluginFile("{db}.py", content={REQUEST!r})
        Trigger("hook", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=request("{db}"),
                trigger_arguments={{"a": 1}}, disabled=pulumi.Config().get_bool("disabled"))
        """
    )
    stack.up()
    yield stack
    stack.destroy(expect=None)


def test_get_reads_all_outputs_and_never_changes_the_resource(
    stack: Stack, engine: RunningEngine, db: str, theirs: Stack
) -> None:
    stack.program(
        f"""
        hook = Trigger.get("mine", "{db}/hook")
        outputs = {{name for name, each in vars(Trigger).items() if isinstance(each, property)}}
        pulumi.export("trigger", {{name: getattr(hook, name) for name in {{*outputs, "id"}}}})
        pulumi.export("database", Database.get("their-db", hook.db).db)
        pulumi.export("answer", invoke_request(hook.endpoint_url).text)
        """
    )
    previewed = stack.preview().output
    assert f"{engine.url}/api/v3/engine/{db}" in previewed
    assert engine.client.triggers(db) != []

    stack.up()
    outputs = stack.outputs()
    found = {name: value for name, value in outputs["trigger"].items() if value is not None}
    assert found == {
        "id": f"{db}/hook",
        "db": db,
        "trigger_name": "hook",
        "plugin_filename": f"{db}.py",
        "trigger_specification": f"request:{db}",
        "trigger_arguments": {"a": "1"},
        "trigger_settings": {"run_async": False, "error_behavior": "log"},
        "disabled": False,
        "adopt": False,
        "force_delete": False,
        "endpoint_url": f"{engine.url}/api/v3/engine/{db}",
    }
    assert (outputs["database"], outputs["answer"]) == (db, '{"args": {"a": "1"}}')

    theirs.run("config", "set", "disabled", "true", expect=0)
    theirs.up()
    stack.program(f'pulumi.export("disabled", Trigger.get("mine", "{db}/hook").disabled)')
    assert stack.up().changes() == ""
    assert stack.outputs() == {"disabled": True}
    stack.refresh()
    stack.destroy()
    assert [(row.trigger_name, row.disabled) for row in engine.client.triggers(db)] == [("hook", True)]
    assert db in engine.client.databases()


@pytest.mark.parametrize("command", ["preview", "up"])
def test_a_missing_resource_and_an_invalid_id_are_errors(
    stack: Stack, engine: RunningEngine, db: str, command: str
) -> None:
    missing = {
        f'Trigger.get("t", "{db}/none")': f"there is no trigger 'none' in database '{db}' on {engine.url}",
        'Trigger.get("t", "nowhere/t")': f"there is no trigger 't' in database 'nowhere' on {engine.url}",
        'Database.get("d", "nowhere")': f"there is no database 'nowhere' on {engine.url}",
        'Trigger.get("t", "name")': "id: write DATABASE/TRIGGER_NAME",
        'Database.get("d", "no name")': "a database name starts with an ASCII letter or digit",
    }
    for program, reason in missing.items():
        stack.program(program)
        ran = getattr(stack, command)(expect=None)
        assert ran.status != 0
        assert reason in " ".join(ran.output.split())


def test_an_id_of_a_resource_that_is_created_in_the_same_deployment_is_unknown_in_the_preview(
    stack: Stack, db: str
) -> None:
    stack.program(
        f"""
        plugin = PluginFile("{db}.py", content={REQUEST!r})
        made = Trigger("made", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=request("{db}"))
        pulumi.export("name", Trigger.get("read", made.id).trigger_name)
        """
    )
    stack.preview()
    stack.up()
    assert stack.outputs() == {"name": "made"}


def test_a_table_is_read_with_all_its_columns_and_never_changed(stack: Stack, engine: RunningEngine, db: str) -> None:
    engine.client.write_lp(db, "cpu,host=a usage=1,count=2i 1")
    stack.program(
        f"""
        cpu = Table.get("mine", "{db}/cpu")
        pulumi.export("table", {{name: getattr(cpu, name) for name in ("id", "db", "table_name", "tags", "fields")}})
        """
    )
    stack.preview()
    stack.up()
    table = {"id": f"{db}/cpu", "db": db, "table_name": "cpu", "tags": ["host"]}
    assert stack.outputs() == {"table": table | {"fields": {"count": "int64", "usage": "float64"}}}

    engine.client.write_lp(db, "cpu,host=a more=1 2")
    stack.up()
    assert "more" in stack.outputs()["table"]["fields"]
    stack.refresh()
    stack.destroy()
    assert len(engine.client.columns(db, "cpu")) == 5
    stack.program(f'Table.get("t", "{db}/none")')
    refused = stack.preview(expect=None)
    assert refused.status != 0
    assert f"there is no table 'none' in database '{db}' on {engine.url}" in " ".join(refused.output.split())


def names(engine: RunningEngine, db: str) -> list[str]:
    return sorted(row.trigger_name for row in engine.client.triggers(db))


def test_a_managed_trigger_that_becomes_a_get_of_the_same_name_and_id_is_given_up(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    plugin = f"""
        plugin = PluginFile("{db}.py", content={REQUEST!r})
    """
    managed = f"""{plugin}
        Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=request("{db}"),
                adopt=True)
    """
    stack.program(managed)
    stack.up()
    stack.program(f'{plugin}    pulumi.export("path", Trigger.get("t", "{db}/t").trigger_specification)')

    assert stack.preview().changes() == stack.up().changes() == ""
    assert stack.outputs() == {"path": f"request:{db}"}
    stack.program(plugin)
    stack.up()
    assert names(engine, db) == ["t"]

    stack.program(managed)
    assert stack.up().changes() == "+ 1 created"
    assert names(engine, db) == ["t"]


def test_a_managed_trigger_that_becomes_a_get_of_another_name_stays_and_of_another_id_is_deleted(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    program = f"""
        plugin = PluginFile("{db}.py", content={REQUEST!r})
        trigger = {{"db": "{db}", "plugin_filename": plugin.plugin_filename, "disabled": True, "adopt": True}}
        Trigger("kept", trigger_specification=request("{db}/kept"), **trigger)
    """
    managed = f"""{program}
        Trigger("t", trigger_specification=request("{db}/t"), **trigger)
    """
    stack.program(managed)
    stack.up()

    stack.program(f'{program}    Trigger.get("other", "{db}/t")')
    assert f"trigger {db}/t stays: the program reads it by get" in stack.up().output
    assert names(engine, db) == ["kept", "t"]

    stack.program(managed)
    stack.up()
    stack.program(f'{program}    Trigger.get("t", "{db}/kept")')
    stack.up()
    assert names(engine, db) == ["kept"]


def test_a_destroy_deletes_a_trigger_that_the_program_declares_and_reads(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    stack.program(
        f"""
        plugin = PluginFile("{db}.py", content={REQUEST!r})
        t = Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=request("{db}"))
        Trigger.get("same", t.id)
        """
    )
    stack.up()
    stack.run("destroy", "--yes", "--skip-preview", "--run-program", expect=0)
    assert names(engine, db) == []
