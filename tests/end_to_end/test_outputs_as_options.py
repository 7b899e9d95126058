"""Options of resources that are outputs; some are unknown during preview."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stack import Stack

    from influxdb3_embedded.testing import RunningEngine

WAL = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"
FAILING = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    raise ValueError('of the plugin')\n"
REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return {}\n"

LATER = """
from pathlib import Path
first = Database("{db}_first", retain=False)
def later(value):
    # unknown during the preview: the database does not exist yet
    return first.id.apply(lambda _: value)
"""
EVERY_OPTION = """
Path("of_path.py").write_text({wal!r})
Path("package").mkdir(exist_ok=True)
Path("package/__init__.py").write_text({wal!r})
Path("package/data.bin").write_bytes(b"\\xff")
db = Database("{db}_later", retain=later(False), adopt=later(True))
file = PluginFile("{db}_of_path.py", source="of_path.py", adopt=later(True), retain=later(False),
                  test=later(WalTest(input_lp=later("cpu v=1"), expect_writes=later([]))))
tested = PluginFile("{db}_tested.py", content={wal!r}, retain=later(False), trigger_name=later("t"),
                    test=[later(WalTest(input_lp="cpu v=1", expect_writes={{"{db}": later([])}}))])
directory = PluginDirectory("{db}_d", source=Path("package"), exclude=["*.bin"], retain=later(False))
in_place = PluginDirectory("{db}_in_place", files=later({{"__init__.py": {wal!r}}}), in_place=later(True),
                           trigger_name=later("t"), retain=later(False))
packages = PackageSet("packages", packages=later(["pip>=20"]), reinstall=later(1), retain=later(True))
trigger = Trigger("t", db="{db}", plugin_filename=file.plugin_filename, trigger_specification=later(ALL_TABLES),
                  trigger_arguments=later({{"a": 1}}), trigger_settings=later({{"error_behavior": "retry"}}),
                  node_spec=later(["all"])[0], disabled=later(False), adopt=later(True), force_delete=later(True),
                  watch=later(Watch(seconds=later(0.5), runs=later(1))), handover=later("cut"),
                  restart_on=later(["x"]))
for resource, name in [(db, "retain adopt"), (file, "adopt retain test content"), (directory, "retain files in_place"),
                       (in_place, "in_place retain plugin_filename"), (packages, "retain reinstall packages"),
                       (trigger, "trigger_settings node_spec disabled adopt force_delete watch handover restart_on")]:
    pulumi.export(resource.pulumi_resource_name, {{each: getattr(resource, each) for each in name.split()}})
"""


def every_option(db: str) -> str:
    return (LATER + EVERY_OPTION).format(db=db, wal=WAL)


def test_a_preview_with_unknown_options_sends_nothing(unreachable_stack: Stack) -> None:
    unreachable_stack.program(every_option("db"))

    ran = unreachable_stack.preview()

    assert ran.changes() == "+ 9 to create", ran.output


def test_options_that_are_outputs_take_effect_once_known(stack: Stack, engine: RunningEngine, db: str) -> None:
    for name in ("{db}_of_path.py", "{db}_in_place/__init__.py"):
        engine.client.create_plugin_file(name.format(db=db).replace("_in_place/", "_other/"), "# somebody else's")
    engine.client.create_database(f"{db}_later")
    stack.program(every_option(db))

    stack.up()

    outputs = stack.outputs()
    assert outputs[f"{db}_later"] == {"retain": False, "adopt": True}
    assert outputs[f"{db}_of_path.py"] == {
        "adopt": True,
        "retain": False,
        "test": [{"kind": "wal", "input_lp": "cpu v=1", "expect_writes": []}],
        "content": WAL,
    }
    assert outputs[f"{db}_d"] == {"retain": False, "files": {"./__init__.py": WAL}, "in_place": False}
    assert outputs[f"{db}_in_place"] == {
        "in_place": True,
        "retain": False,
        "plugin_filename": f"{db}_in_place",
    }
    assert outputs["packages"] == {"retain": True, "reinstall": 1, "packages": ["pip>=20"]}
    assert outputs["t"] == {
        "trigger_settings": {"run_async": False, "error_behavior": "retry"},
        "node_spec": "all",
        "disabled": False,
        "adopt": True,
        "force_delete": True,
        "watch": {"seconds": 0.5, "runs": 1},
        "handover": "cut",
        "restart_on": ["x"],
    }
    assert (engine.plugin_dir / f"{db}_of_path.py").read_text() == WAL
    assert stack.up().changes() == ""
    assert stack.preview().changes() == ""

    ran = stack.destroy()

    assert "pip stay installed" in ran.output
    assert f"{db}_later" not in engine.client.databases()
    assert not list(engine.plugin_dir.glob(f"{db}_[!o]*"))
    assert not (engine.plugin_dir / f"{db}_of_path.py").exists()


def test_a_watch_that_is_an_output_rolls_back_a_failing_definition(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    stack.program(
        LATER.format(db=db)
        + f"""
plugin = PluginFile("{db}.py", content={FAILING!r})
Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=every("1s"),
        watch=later(Watch(seconds=10)))
"""
    )

    ran = stack.up(expect=1)

    assert "of the plugin" in ran.output
    assert [row.trigger_name for row in engine.client.triggers(db)] == []


def test_with_an_unknown_adopt_an_online_check_neither_fails_nor_announces_an_adoption(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    engine.client.create_plugin_file(f"{db}.py", "# somebody else's")
    engine.client.create_plugin_file(f"{db}_place/__init__.py", "# somebody else's")
    stack.run("config", "set", "influxdb3:onlineChecks", "true", expect=0)
    program = (
        LATER.format(db=db)
        + f"""
plugin = PluginFile("{db}.py", content={WAL!r}, adopt=ADOPT)
PluginDirectory("{db}_place", files={{"__init__.py": {WAL!r}}}, in_place=True, trigger_name="t", adopt=ADOPT)
Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=ALL_TABLES, adopt=ADOPT)
"""
    )
    stack.program(f'Trigger("t", db="{db}", plugin_filename="{db}.py", trigger_specification=table("cpu"))')
    engine.client.create_plugin_file(f"{db}.py", WAL)
    stack.up()
    urn = stack.resources()["t"]["urn"]
    stack.run("state", "delete", urn, "--yes", expect=0)
    engine.client.create_plugin_file(f"{db}.py", "# somebody else's")

    stack.program(program.replace("ADOPT", "later(True)"))
    unknown = stack.preview()
    stack.program(program.replace("ADOPT", "True"))
    known = stack.preview()
    stack.program(program.replace("ADOPT", "False"))
    refused = stack.preview(expect=1)

    assert "is adopted" not in unknown.output
    assert "is adopted" in known.output
    assert "exists" in refused.output
    stack.program(program.replace("ADOPT", "later(False)"))
    assert "exists" in stack.up(expect=1).output
    stack.program(program.replace("ADOPT", "later(True)"))
    stack.up()
    assert [row.trigger_specification for row in engine.client.triggers(db)] == ['"all_tables_wal_write"']


def test_the_filename_of_a_directory_is_unknown_while_in_place_is_unknown(unreachable_stack: Stack) -> None:
    unreachable_stack.program(
        LATER.format(db="db")
        + f"""
directory = PluginDirectory("d", files={{"__init__.py": {WAL!r}}}, in_place=later(False))
directory.content_sha256.apply(lambda known: print("hash known:", known))
directory.plugin_filename.apply(lambda known: print("name known:", known))
"""
    )

    ran = unreachable_stack.preview()

    assert "hash known: " in ran.output
    assert "name known: " not in ran.output


@pytest.mark.parametrize("retain", ["True", "False"])
def test_a_database_whose_retain_is_an_output_is_not_deleted_before_its_replacement(
    stack: Stack, engine: RunningEngine, db: str, retain: str
) -> None:
    stack.program(f'Database("{db}_data", retain=pulumi.Output.from_input({retain}))')
    stack.up()
    urn = stack.resources()[f"{db}_data"]["urn"]

    ran = stack.run("up", "--yes", "--skip-preview", "--replace", urn)

    assert f"{db}_data" in engine.client.databases()
    if retain == "True":
        assert ran.status == 0, ran.output
    else:
        assert "delete_before_replace=True" in ran.output


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ('retain="no"', "retain: True or False is needed"),
        ('retain=pulumi.Output.from_input("no")', "retain: True or False is needed"),
        ("retain=True, delete_on_destroy=True", "retain=True and delete_on_destroy=True contradict each other"),
        (
            "retain=pulumi.Output.from_input(False), delete_on_destroy=False",
            "retain=False and delete_on_destroy=False contradict each other",
        ),
        ("watch=1", "unexpected keyword argument 'watch'"),
        ('test="WalTest"', "test is a WalTest or a ScheduleTest"),
        ('test=pulumi.Output.from_input(["WalTest"])', "test is a WalTest or a ScheduleTest"),
        ("adopt=pulumi.Output.from_input(1)", "adopt: True or False is needed, not a number"),
    ],
)
def test_contradicting_or_mistyped_options_fail_before_anything_is_declared(
    unreachable_stack: Stack, arguments: str, error: str
) -> None:
    unreachable_stack.program(f'PluginFile("p.py", content="x = 1", {arguments})')

    ran = unreachable_stack.preview(expect=1)

    assert error in ran.output, ran.output


def test_deprecated_names_work_and_cause_a_warning(unreachable_stack: Stack) -> None:
    unreachable_stack.program(
        """
        PluginFile("p.py", content="x = 1", delete_on_destroy=True, retain=False)
        test_wal_plugin("p.py", db="d", input_lp="cpu v=1")
        test_schedule_plugin("p.py", db="d")
        """
    )

    ran = unreachable_stack.preview()

    assert "warning: PluginFile 'p.py': delete_on_destroy is deprecated: write retain=False" in ran.output
    assert "warning: test_wal_plugin(...): the name is deprecated: write dry_run_wal(...)" in ran.output
    assert "warning: test_schedule_plugin(...): the name is deprecated: write dry_run_schedule(...)" in ran.output
    assert ran.changes() == "+ 2 to create"
