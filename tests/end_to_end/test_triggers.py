"""Triggers through the real CLI."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from servers import start_server
from stack import Stack

from influxdb3_engine_api import CreateTrigger, ErrorBehavior, TriggerSettings

if TYPE_CHECKING:
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine
    from influxdb3_engine_api import TriggerRow
    from pulumi_cli import PulumiCli

WRITES = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"
REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return {'args': args}\n"


def program(
    db: str, *, name: str = "t", specification: str = "ALL_TABLES", content: str = WRITES, more: str = ""
) -> str:
    return f"""
        plugin = PluginFile("{db}.py", content={content!r})
        t = Trigger("trigger", trigger_name={name!r}, db={db!r}, plugin_filename=plugin.plugin_filename,
                    trigger_specification={specification}, {more})
        pulumi.export("url", t.endpoint_url)
    """


def live(engine: RunningEngine, db: str) -> dict[str, TriggerRow]:
    return {row.trigger_name: row for row in engine.client.triggers(db)}


def test_every_kind_of_trigger_is_created_and_a_second_up_changes_nothing(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    stack.program(
        f"""
        both = PluginFile("both.py", content={WRITES + REQUEST + "def process_scheduled_call(i, c, a): pass"!r})
        settings = {{"run_async": True, "error_behavior": "retry"}}
        for name, specification in {{
            "all": ALL_TABLES, "table": table("a b"), "cron": cron("0 0 6 * * 1-5"), "every": every("90m"),
            "request": request("{db}/r"),
        }}.items():
            Trigger(name, db="{db}", plugin_filename=both.plugin_filename, trigger_specification=specification,
                    trigger_arguments={{"n": 80, "x": 80.0, "yes": True, "text": "a b"}}, trigger_settings=settings,
                    disabled=name == "cron")
        """
    )
    stack.up()
    triggers = live(engine, db)
    assert {name: row.trigger_specification for name, row in triggers.items()} == {
        "all": '"all_tables_wal_write"',
        "table": '{"single_table_wal_write":{"table_name":"a b"}}',
        "cron": '{"schedule":{"schedule":"0 0 6 * * MON-FRI"}}',
        "every": '{"every":{"duration":{"secs":5400,"nanos":0}}}',
        "request": '{"request_path":{"path":"' + db + '/r"}}',
    }
    assert [name for name, row in triggers.items() if row.disabled] == ["cron"]
    assert {row.error_behavior for row in triggers.values()} == {"retry"}
    arguments = {"n": "80", "x": "80.0", "yes": "true", "text": "a b"}
    assert engine.client.trigger_arguments(db) == dict.fromkeys(triggers, arguments)
    assert stack.resources()["request"]["outputs"]["endpoint_url"] == f"{engine.url}/api/v3/engine/{db}/r"

    assert stack.up().changes() == ""
    assert stack.refresh().changes() == ""

    stack.destroy()
    assert live(engine, db) == {}


def test_enabling_and_disabling_is_an_update_in_place(stack: Stack, engine: RunningEngine, db: str) -> None:
    stack.program(program(db))
    stack.up()
    stack.program(program(db, more="disabled=True"))
    assert stack.up().changes() == "~ 1 updated"
    assert live(engine, db)["t"].disabled
    stack.program(program(db))
    stack.up()
    assert not live(engine, db)["t"].disabled


def test_a_changed_definition_is_swapped_and_leaves_no_candidate(stack: Stack, engine: RunningEngine, db: str) -> None:
    stack.program(program(db, content=REQUEST, specification=f'request("{db}")', more="trigger_arguments={'a': 1}"))
    stack.up()
    stack.program(program(db, content=REQUEST, specification=f'request("{db}")', more="trigger_arguments={'a': 2}"))
    assert stack.up().changes() == "~ 1 updated"
    assert list(live(engine, db)) == ["t"]
    assert engine.client.call_request_trigger(db).json() == {"args": {"a": "2"}}


def test_a_definition_that_the_server_refuses_leaves_the_old_one_live(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    definition = f"""
        Trigger("t", db="{db}", plugin_filename=pulumi.Config().get("file") or "w.py", trigger_specification=ALL_TABLES)
    """
    engine.client.create_plugin_file("w.py", WRITES)
    stack.program(definition)
    stack.up()
    stack.run("config", "set", "file", "missing.py", expect=0)
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert "cannot be changed, the previous definition stays live" in ran.output
    assert "Plugin not found" in ran.output
    assert not ran.has_traceback(), ran.output
    assert [(row.trigger_name, row.plugin_filename) for row in live(engine, db).values()] == [("t", "w.py")]
    stack.run("config", "set", "file", "w.py", expect=0)
    assert stack.up().changes() == ""


def test_a_new_name_replaces_the_trigger(stack: Stack, engine: RunningEngine, db: str) -> None:
    stack.program(program(db, name="before"))
    stack.up()
    stack.program(program(db, name="after"))
    assert "1 replaced" in stack.up().changes()
    assert list(live(engine, db)) == ["after"]


def test_changes_by_hand_show_in_refresh_and_are_corrected_by_the_next_up(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    stack.program(program(db, more="trigger_arguments={'a': 1}"))
    stack.up()
    engine.client.delete_trigger(db, "t", force=True)
    engine.client.create_trigger(
        CreateTrigger(
            db=db,
            plugin_filename=f"{db}.py",
            trigger_name="t",
            trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.DISABLE),
            trigger_specification="table:cpu",
            trigger_arguments={"a": "by hand"},
            disabled=True,
        )
    )
    assert stack.refresh().changes() == "~ 1 updated"
    shown = stack.preview("--diff").output
    for text in ('"table:cpu" => "all_tables"', '"by hand" => "1"', '"disable" => "log"', "true => false"):
        assert text in shown, shown
    stack.up()
    row = live(engine, db)["t"]
    assert (row.trigger_specification, row.disabled, row.error_behavior) == ('"all_tables_wal_write"', False, "log")
    assert engine.client.trigger_arguments(db) == {"t": {"a": "1"}}


def test_a_trigger_deleted_by_hand_shows_in_refresh_and_is_created_again(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    stack.program(program(db))
    stack.up()
    engine.client.delete_trigger(db, "t", force=True)
    assert stack.refresh().changes() == "- 1 deleted"
    assert stack.up().changes() == "+ 1 created"
    assert list(live(engine, db)) == ["t"]


def test_destroy_succeeds_if_the_trigger_is_gone(stack: Stack, engine: RunningEngine, db: str) -> None:
    stack.program(program(db))
    stack.up()
    engine.client.delete_trigger(db, "t", force=True)
    stack.destroy()


def test_an_existing_trigger_is_an_error_unless_it_is_adopted(stack: Stack, engine: RunningEngine, db: str) -> None:
    engine.client.create_plugin_file(f"{db}.py", WRITES)
    engine.client.create_trigger(
        CreateTrigger(
            db=db,
            plugin_filename=f"{db}.py",
            trigger_name="t",
            trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
            trigger_specification="table:cpu",
            disabled=False,
        )
    )
    stack.program(program(db))
    refused = stack.up(expect=None)
    assert refused.status != 0
    assert "exists already and differs in trigger_specification" in refused.output
    for remedy in ("adopt=True", "pulumi config set influxdb3:adopt true", "was killed", "an alias of that name"):
        assert remedy in refused.output
    assert live(engine, db)["t"].trigger_specification == '{"single_table_wal_write":{"table_name":"cpu"}}'
    stack.program(program(db, more="adopt=True"))
    stack.up()
    assert live(engine, db)["t"].trigger_specification == '"all_tables_wal_write"'


def test_an_unknown_database_is_an_error_that_names_it(stack: Stack) -> None:
    stack.program(program("nowhere"))
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert "trigger 't' in database 'nowhere' was not created" in ran.output
    assert "Database not found nowhere" in ran.output


def test_a_refresh_without_a_server_is_an_error_and_keeps_the_state(tmp_path: Path, cli: PulumiCli) -> None:
    with start_server(tmp_path / "engine") as engine:
        engine.client.create_database("d")
        stack = Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": engine.url})
        stack.program(program("d"))
        stack.up()
        engine.kill()
        ran = stack.refresh(expect=None)
    assert ran.status != 0
    assert "Is the server running" in ran.output
    assert "trigger" in stack.resources()


def test_all_arguments_may_be_one_secret_output(stack: Stack, engine: RunningEngine) -> None:
    engine.client.create_database("whole")
    engine.client.create_plugin_file("whole.py", "def process_writes(influxdb3_local, table_batches, args=None): pass")
    stack.program(
        """
        secret = pulumi.Output.secret({"password": "hunter2", "threshold": 80, "strict": True})
        Trigger("t", db="whole", plugin_filename="whole.py", trigger_specification=ALL_TABLES, trigger_arguments=secret)
        """
    )
    ran = stack.up()
    assert engine.client.trigger_arguments("whole") == {
        "t": {"password": "hunter2", "threshold": "80", "strict": "true"}
    }
    assert "hunter2" not in ran.output + stack.run("stack", "export", expect=0).output
    assert stack.up().changes() == ""
