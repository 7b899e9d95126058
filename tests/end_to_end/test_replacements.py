"""Replacements: Pulumi deletes a resource and creates another one in its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from stack import Stack

if TYPE_CHECKING:
    from influxdb3_embedded.testing import RunningEngine

REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return {answer!r}\n"
SCHEDULE = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    pass\n"


def live(engine: RunningEngine, db: str) -> dict[str, str]:
    return {row.trigger_name: row.plugin_filename for row in engine.client.triggers(db)}


def serves(engine: RunningEngine, path: str) -> str:
    return engine.client.call_request_trigger(path).text


def request_trigger(db: str, *, name: str = "old", plugin: str = "old.py", path: str = "PATH", more: str = "") -> str:
    return f"""
        Trigger("t", trigger_name={name!r}, db={db!r}, plugin_filename={plugin!r},
                trigger_specification=request("{path}"){more})
    """


@pytest.fixture
def db(engine: RunningEngine, db: str) -> str:
    engine.client.create_plugin_file("old.py", REQUEST.format(answer="old"))
    engine.client.create_plugin_file("new.py", REQUEST.format(answer="new"))
    engine.client.create_plugin_file("bad.py", "raise ValueError('when it is loaded')")
    return db


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "new", "plugin": "typo.py"}, "Plugin not found"),
        ({"db": "typo"}, "Database not found typo"),
        ({"name": "new", "db": "typo", "plugin": "new.py"}, "Database not found typo"),
    ],
)
def test_a_trigger_stays_live_if_its_replacement_cannot_be_created(
    stack: Stack, engine: RunningEngine, db: str, change: dict[str, str], reason: str
) -> None:
    stack.program(request_trigger(db, path=db))
    stack.up()
    stack.program(request_trigger(**({"db": db, "path": db} | change)))

    refused = stack.up(expect=None)

    assert refused.status != 0
    assert reason in refused.output
    assert "the previous definition stays live" in refused.output
    assert serves(engine, db) == "old"
    assert live(engine, db) == {"old": "old.py"}
    assert stack.resources()["t"]["inputs"]["trigger_name"] == "old"
    stack.program(request_trigger(db, path=db))
    assert stack.up().changes() == ""


@pytest.mark.parametrize("change", [{"name": "new"}, {"name": "new", "plugin": "new.py"}, {"db": "other"}])
def test_a_trigger_with_another_name_or_database_keeps_its_path(
    stack: Stack, engine: RunningEngine, db: str, change: dict[str, str]
) -> None:
    engine.client.create_database(f"{db}_other")
    if "db" in change:
        change = {"db": f"{db}_other"}
    stack.program(request_trigger(db, path=db))
    stack.up()
    stack.program(request_trigger(**({"db": db, "path": db} | change)))

    assert "1 replaced" in stack.up().changes()

    assert serves(engine, db) == ("new" if "plugin" in change else "old")
    everywhere = live(engine, db) | live(engine, f"{db}_other")
    assert everywhere == {change.get("name", "old"): change.get("plugin", "old.py")}
    assert stack.up().changes() == ""
    stack.destroy()
    assert live(engine, db) | live(engine, f"{db}_other") == {}


def test_a_replacement_whose_first_run_fails_rolls_back_to_the_old_trigger(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    def program(name: str, code: str) -> str:
        return f"""
            plugin = PluginFile("{db}.py", content={code!r})
            Trigger("t", trigger_name="{name}", db="{db}", plugin_filename=plugin.plugin_filename,
                    trigger_specification=every("1s"), watch=Watch(10))
        """

    stack.program(program("old", SCHEDULE))
    stack.up()
    stack.program(program("new", SCHEDULE.replace("pass", "raise ValueError('no')")))
    refused = stack.up(expect=None)
    assert refused.status != 0
    assert "failed when it first ran" in refused.output
    assert live(engine, db) == {"old": f"{db}.py"}
    stack.program(program("new", SCHEDULE))
    assert "1 replaced" in stack.up().changes()
    assert live(engine, db) == {"new": f"{db}.py"}


def test_the_next_up_completes_a_replacement_that_was_killed_after_the_deletion(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    stack.program(request_trigger(db, path=db))
    stack.up()
    # Pulumi stores this state between deletion and creation
    exported = json.loads(stack.run("stack", "export", expect=0).output)
    for resource in exported["deployment"]["resources"]:
        if "influxdb3:Trigger" in resource["type"]:
            resource["pendingReplacement"] = True
    (stack.directory / "exported.json").write_text(json.dumps(exported))
    stack.program(request_trigger(db, name="new", path=db))
    stack.up()
    assert live(engine, db) == {"new": "old.py"}

    stack.run("stack", "import", "--file", "exported.json", expect=0)
    stack.up()

    assert live(engine, db) == {"new": "old.py"}
    assert serves(engine, db) == "old"
    assert stack.up().changes() == ""


def everything(db: str, number: int, *, named: bool) -> str:
    """A program with all kinds of resources. If not ``named``, their names on the server are those of the resources."""
    request = REQUEST.format(answer=f"answer {number}")
    names = {
        "file": f'plugin_name="{db}_f.py"',
        "in_place": f'plugin_name="{db}_i"',
        "directory": f'plugin_name="{db}_d"',
        "trigger": f'trigger_name="{db}_t"',
    }
    names = {kind: f", {name}" if named else "" for kind, name in names.items()}
    return f"""
        scratch = Database("{db}_scratch", retain=False)
        kept = Database("{db}_kept")
        PackageSet("packages", packages=["pip>=20"])
        plugin = PluginFile("{db}_f.py", content={request!r}{names["file"]})
        PluginDirectory("{db}_i", files={{"__init__.py": {request!r}, "n{number}.py": ""}}, in_place=True,
                        trigger_name="nobody"{names["in_place"]})
        directory = PluginDirectory("{db}_d", files={{"__init__.py": {request!r}}}, delete_on_destroy=True
                                    {names["directory"]})
        Trigger("{db}_t", db=scratch.db, plugin_filename=plugin.plugin_filename,
                trigger_specification=request("{db}/file"), trigger_arguments={{"n": {number}}}{names["trigger"]})
        Trigger("{db}_u", db="{db}", plugin_filename=directory.plugin_filename,
                trigger_specification=request("{db}/directory"))
    """


@pytest.mark.parametrize(
    ("how", "number", "named"),
    [("--replace", 1, False), ("--replace", 2, True), ("taint", 1, True), ("taint", 2, False)],
)
def test_every_resource_can_be_recreated(  # noqa: PLR0917 - fixtures and cases
    stack: Stack, engine: RunningEngine, db: str, how: str, number: int, named: bool
) -> None:
    stack.program(everything(db, 1, named=named))
    stack.up()
    engine.client.write_lp(f"{db}_scratch", "gone v=1")
    engine.client.write_lp(f"{db}_kept", "kept v=1")
    urns = [resource["urn"] for resource in stack.resources().values()]
    stack.program(everything(db, number, named=named))
    arguments = []
    if how == "taint":
        for urn in urns:
            stack.run("state", "taint", urn, "--yes", expect=0)
    else:
        arguments = [argument for urn in urns for argument in ("--replace", urn)]

    assert "8 replaced" in stack.up(*arguments).changes()

    assert serves(engine, f"{db}/file") == serves(engine, f"{db}/directory") == f"answer {number}"
    assert (engine.plugin_dir / f"{db}_i/n{number}.py").exists()
    assert len(list((engine.plugin_dir / f"{db}_i").glob("n*.py"))) == 1
    assert len(list(engine.plugin_dir.glob(f"{db}_d_*"))) == 1
    tables = engine.client.query_sql(f"{db}_scratch", "SHOW TABLES")
    assert "gone" not in {table["table_name"] for table in tables}
    assert engine.client.query_sql(f"{db}_kept", "SELECT v FROM kept") == [{"v": 1.0}]
    assert stack.refresh().changes() == ""
    assert stack.up().changes() == ""


def test_each_resource_can_be_recreated_alone(stack: Stack, engine: RunningEngine, db: str) -> None:
    stack.program(everything(db, 1, named=True))
    stack.up()
    for resource in stack.resources().values():
        stack.up("--replace", resource["urn"])
        assert serves(engine, f"{db}/file") == serves(engine, f"{db}/directory") == "answer 1"
    assert stack.refresh().changes() == ""


def test_a_trigger_is_recreated_when_its_replacement_trigger_changes(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    def program(value: str) -> str:
        return request_trigger(db, path=db, more=f", opts=pulumi.ResourceOptions(replacement_trigger={value!r})")

    stack.program(program("a"))
    stack.up()
    stack.program(program("b"))
    assert "1 replaced" in stack.up().changes()
    assert serves(engine, db) == "old"


def test_a_trigger_stays_live_if_the_server_refuses_its_recreation(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    stack.program(request_trigger(db, path=db))
    stack.up()
    stack.program(request_trigger(db, path=db, plugin="typo.py"))
    refused = stack.up("--replace", stack.resources()["t"]["urn"], expect=None)
    assert refused.status != 0
    assert serves(engine, db) == "old"
    stack.program(request_trigger(db, path=db))
    assert stack.up().changes() == ""


def test_another_persons_trigger_is_not_mistaken_for_the_replacement(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    theirs = Stack(stack.directory.parent / "theirs", stack.cli, stack.environment, config=stack.config)
    theirs.program(request_trigger(db, name="new", path=f"{db}/theirs"))
    theirs.up()
    stack.program(request_trigger(db, path=db))
    stack.up()
    stack.program(request_trigger(db, name="new", path=f"{db}/ours"))

    refused = stack.up(expect=None)

    assert refused.status != 0
    assert "exists already" in refused.output
    assert live(engine, db) == {"new": "old.py", "old": "old.py"}
    assert serves(engine, f"{db}/theirs") == serves(engine, db) == "old"


def test_a_renamed_plugin_file_is_removed_once_its_trigger_runs_the_new_one(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    def program(name: str) -> str:
        return f"""
            plugin = PluginFile("p", plugin_name="{name}", content={REQUEST.format(answer=1)!r}, delete_on_destroy=True)
            Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=request("{db}"))
        """

    stack.program(program(f"{db}_one.py"))
    stack.up()
    stack.program(program(f"{db}_two.py"))
    stack.up()
    assert [path.name for path in engine.plugin_dir.glob(f"{db}_*.py")] == [f"{db}_two.py"]
    stack.destroy()
    assert list(engine.plugin_dir.glob(f"{db}_*.py")) == []
