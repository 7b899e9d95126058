"""Pulumi's resource options and state operations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stack import Stack

    from influxdb3_embedded.testing import RunningEngine

WRITES = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"


@pytest.fixture
def db(engine: RunningEngine, db: str) -> str:
    """A database for one test, and two plugins."""
    engine.client.create_plugin_file("w.py", WRITES)
    engine.client.create_plugin_file("v.py", WRITES)
    return db


def program(
    db: str,
    *,
    resource: str = "t",
    name: str = "t",
    plugin: str = "w.py",
    specification: str = "ALL_TABLES",
    arguments: int | str = 1,
    options: str = "",
) -> str:
    return f"""
        Trigger({resource!r}, trigger_name={name!r}, db={db!r}, plugin_filename={plugin!r},
                trigger_specification={specification}, trigger_arguments={{"a": {arguments}}},
                opts=pulumi.ResourceOptions({options}))
    """


def live(engine: RunningEngine, db: str) -> dict[str, str]:
    return {row.trigger_name: row.plugin_filename for row in engine.client.triggers(db)}


def test_unknown_outputs_can_be_used_for_every_property(stack: Stack, engine: RunningEngine, db: str) -> None:
    stack.program(
        f"""
        made = Database("{db}_made")
        plugin = PluginFile("plugin", plugin_name=pulumi.Output.concat(made.id, ".py"), content={WRITES!r})
        unknown = Trigger(
            "t", trigger_name=pulumi.Output.concat(made.id, "_t"), db=made.id, plugin_filename=plugin.plugin_filename,
            trigger_specification=pulumi.Output.concat("table:", made.id), trigger_arguments={{"id": made.id, "n": 1}},
            trigger_settings={{"error_behavior": made.id.apply(lambda _: "retry")}},
        )
        """
    )
    assert stack.preview(expect=0).changes() == "+ 4 to create"
    stack.up()
    assert live(engine, f"{db}_made") == {f"{db}_made_t": f"{db}_made.py"}
    assert engine.client.trigger_arguments(f"{db}_made") == {f"{db}_made_t": {"id": f"{db}_made", "n": "1"}}
    assert stack.up().changes() == ""


def test_a_renamed_resource_with_an_alias_keeps_its_trigger(stack: Stack, engine: RunningEngine, db: str) -> None:
    stack.program(program(db, resource="before"))
    stack.up()
    stack.program(program(db, resource="after"))
    refused = stack.up(expect=None)
    assert refused.status != 0
    assert "give this resource an alias of that name" in refused.output
    stack.program(program(db, resource="after", options='aliases=[pulumi.Alias(name="before")]'))
    assert stack.up().changes() == ""
    assert live(engine, db) == {"t": "w.py"}


def test_a_trigger_that_another_resource_adopted_is_not_deleted_with_the_old_resource(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    def program(components: bool, data: str) -> str:
        return f"""
            class Component(pulumi.ComponentResource):
                def __init__(self, name):
                    super().__init__("test:index:Component", name)

            options = pulumi.ResourceOptions(parent=Component("c")) if {components} else None
            Trigger("t", db="{db}", plugin_filename="w.py", trigger_specification=ALL_TABLES, adopt=True, opts=options)
            {data}
        """

    stack.program(program(components=False, data=f'Database("scratch", db="{db}_data", retain=False)'))
    stack.up()
    engine.client.write_lp(f"{db}_data", "cpu v=1")
    stack.program(program(components=True, data=f'Database("{db}_data")'))
    ran = stack.up()
    assert "trigger 't' in database" in ran.output
    assert "stays: another resource of this program has adopted it" in ran.output
    assert "is kept with its data: another resource of this program has adopted it" in ran.output
    assert live(engine, db) == {"t": "w.py"}
    assert engine.client.query_sql(f"{db}_data", "SELECT v FROM cpu") == [{"v": 1.0}]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "new", "plugin": "missing.py"},
        {"db": "typo"},
        {"name": "new", "plugin": "bad.py", "specification": 'every("1s"), watch=Watch(5)'},
    ],
)
def test_a_replacement_that_fails_leaves_the_old_trigger_live(
    stack: Stack, engine: RunningEngine, db: str, change: dict[str, str]
) -> None:
    engine.client.create_plugin_file("bad.py", "raise ValueError")
    stack.program(program(db, name="old"))
    stack.up()
    stack.program(program(**({"db": db, "name": "old"} | change)))
    assert stack.up(expect=None).status != 0
    assert live(engine, db) == {"old": "w.py"}
    stack.program(program(db, name="old"))
    assert stack.up().changes() == ""


def test_a_protected_trigger_is_not_destroyed(stack: Stack, engine: RunningEngine, db: str) -> None:
    stack.program(program(db, options="protect=True"))
    stack.up()
    assert stack.destroy(expect=None).status != 0
    assert live(engine, db) == {"t": "w.py"}
    stack.program(program(db))
    stack.up()


def test_ignore_changes_keeps_the_live_definition(stack: Stack, engine: RunningEngine, db: str) -> None:
    stack.program(program(db, arguments=1))
    stack.up()
    stack.program(program(db, arguments=2, options='ignore_changes=["trigger_arguments"]'))
    assert stack.up().changes() == ""
    assert engine.client.trigger_arguments(db) == {"t": {"a": "1"}}


def test_retain_on_delete_keeps_the_trigger(stack: Stack, engine: RunningEngine, db: str) -> None:
    stack.program(program(db, options="retain_on_delete=True"))
    stack.up()
    stack.destroy()
    assert live(engine, db) == {"t": "w.py"}


def test_replace_on_changes_replaces_a_trigger(stack: Stack, engine: RunningEngine, db: str) -> None:
    option = 'replace_on_changes=["plugin_filename"]'
    stack.program(program(db, options=option))
    stack.up()
    stack.program(program(db, plugin="v.py", options=option))
    assert "1 replaced" in stack.up().changes()
    assert live(engine, db) == {"t": "v.py"}


@pytest.mark.parametrize("options", ["", ", delete_on_destroy=True"])
def test_replace_on_changes_replaces_a_plugin(stack: Stack, engine: RunningEngine, db: str, options: str) -> None:
    def program(number: int) -> str:
        return f"""
            forced = pulumi.ResourceOptions(replace_on_changes=["content", "files"])
            PluginFile("{db}.py", content="x = {number}"{options}, opts=forced)
            PluginDirectory("{db}", files={{"__init__.py": "x = {number}"}}, in_place=True, trigger_name="t"{options},
                            opts=forced)
        """

    files = [engine.plugin_dir / f"{db}.py", engine.plugin_dir / db / "__init__.py"]
    stack.program(program(1))
    stack.up()
    stack.program(program(2))
    assert "2 replaced" in stack.up().changes()
    assert [file.read_text() for file in files] == ["x = 2"] * 2
    forced = [argument for name in stack.resources().values() for argument in ("--replace", name["urn"])]
    assert "2 replaced" in stack.up(*forced).changes()
    assert [file.read_text() for file in files] == ["x = 2"] * 2


def test_a_state_file_without_a_newer_property_shows_no_change(stack: Stack, engine: RunningEngine, db: str) -> None:
    stack.program(program(db))
    stack.up()
    exported = json.loads(stack.run("stack", "export", expect=0).output)
    for resource in exported["deployment"]["resources"]:
        if "influxdb3:Trigger" in resource["type"]:
            for bag in (resource["inputs"], resource["outputs"]):
                del bag["disabled"]  # as in a state file of a release without this property
                bag["of_a_later_release"] = {"x": 1}
    (stack.directory / "exported.json").write_text(json.dumps(exported))
    stack.run("stack", "import", "--file", "exported.json", expect=0)
    assert stack.up().changes() == ""
    assert stack.refresh().status == 0
    stack.program(program(db, arguments=2))
    assert stack.up().changes() == "~ 1 updated"
    assert engine.client.trigger_arguments(db) == {"t": {"a": "2"}}


def test_with_continue_on_error_what_depends_on_a_failure_is_skipped_and_the_rest_is_deployed(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    def several(broken: bool) -> str:
        others = "".join(
            f"""
        plugin{n} = PluginFile("{db}_{n}.py", content={WRITES!r}, opts=pulumi.ResourceOptions(depends_on=[{after}]))
        Trigger("t{n}", db="{db}", plugin_filename=plugin{n}.plugin_filename, trigger_specification=ALL_TABLES)
        """
            for n, after in ((1, ""), (2, "plugin1"), (3, "plugin2"))
        )
        failing = WRITES.replace("pass", "raise ValueError" if broken else "pass  # mended")
        return f"""
        bad = PluginFile("{db}_bad.py", content={failing!r}, test=WalTest(input_lp="m v=1", database="{db}"))
        Trigger("skipped", db="{db}", plugin_filename=bad.plugin_filename, trigger_specification=ALL_TABLES,
                trigger_arguments={{"file": bad.plugin_filename}})
        dry_run_wal(bad.plugin_filename, db="{db}", input_lp="m v=1")
        {others}
        """

    def deployed_in_part() -> None:
        ran = stack.up("--continue-on-error", expect=None)
        assert ran.status != 0
        assert "dry run 1 (wal)" in ran.output
        assert "Trigger (skipped)" not in ran.output.partition("Diagnostics:")[2]

    stack.program(several(broken=True))
    deployed_in_part()
    assert live(engine, db) == {f"t{n}": f"{db}_{n}.py" for n in (1, 2, 3)}
    stack.program(several(broken=False))
    stack.up()
    assert live(engine, db).keys() == {"skipped", "t1", "t2", "t3"}
    stack.program(several(broken=True))
    deployed_in_part()
    assert live(engine, db).keys() == {"skipped", "t1", "t2", "t3"}
    assert "skipped" in {each["urn"].rpartition("::")[2] for each in stack.resources().values()}
