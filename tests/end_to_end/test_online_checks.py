"""Online checks: previews of a stack with ``influxdb3:onlineChecks``."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from breaking_proxy import BreakingProxy
from servers import PROGRAM, start_server
from stack import Stack

from influxdb3_engine_api import CreateTrigger, ErrorBehavior, TriggerSettings

if TYPE_CHECKING:
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine
    from pulumi_cli import PulumiCli

PLUGIN = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"
SCHEDULED = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    pass\n"


def definition(db: str, name: str) -> CreateTrigger:
    """Body of a trigger that another person creates."""
    return CreateTrigger(
        db=db,
        plugin_filename="there.py",
        trigger_name=name,
        trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
        trigger_specification="all_tables",
        disabled=False,
    )


def stack_with_online_checks(directory: Path, cli: PulumiCli, url: str) -> Stack:
    """A stack whose previews ask the server."""
    config = {"influxdb3:hostUrl": url, "influxdb3:onlineChecks": "true"}
    return Stack(directory / "stack", cli, os.environ, config=config)


def assert_refused(stack: Stack, reasons: dict[str, str]) -> None:
    """Check that the preview of each program fails with its reason; a preview ends at the first failure."""
    for program, reason in reasons.items():
        stack.program(program)
        ran = stack.preview(expect=None)
        assert ran.status != 0
        assert not ran.has_traceback(), ran.output
        assert reason in " ".join(ran.output.split())


def test_an_error_names_the_property_whose_value_is_missing_on_the_server(
    tmp_path: Path, cli: PulumiCli, engine: RunningEngine
) -> None:
    engine.client.create_database("lacking")
    engine.client.create_plugin_file("there.py", PLUGIN)
    engine.client.create_plugin_file("there/__init__.py", PLUGIN)
    stack = stack_with_online_checks(tmp_path, cli, engine.url)

    assert_refused(
        stack,
        {
            'Trigger("t", db="nowhere", plugin_filename="there.py", trigger_specification=ALL_TABLES)': (
                "db: there is no database 'nowhere': declare a Database"
            ),
            'Trigger("t", db="lacking", plugin_filename="none.py", trigger_specification=ALL_TABLES)': (
                "plugin_filename: there is no 'none.py' in the plugin directory: declare a PluginFile"
            ),
        },
    )


def test_what_the_program_creates_does_not_count_as_missing(stack: Stack, engine: RunningEngine) -> None:
    engine.client.create_database("lacking")
    engine.client.create_plugin_file("there/__init__.py", PLUGIN)
    stack.run("config", "set", "influxdb3:onlineChecks", "true", expect=0)
    stack.program(
        f"""
        new = Database("new")
        code = PluginFile("resource", plugin_name="code.py", content={PLUGIN!r})
        other = PluginFile("package", plugin_name="package/__init__.py", content={PLUGIN!r})
        directory = PluginDirectory("directory", files={{"__init__.py": {PLUGIN!r}, "one.py": {PLUGIN!r}}})
        one = directory.plugin_filename.apply(lambda name: name + "/one.py")
        names = ["code.py", "package", directory.plugin_filename, one]
        for number, name in enumerate(names):
            Trigger(f"t{{number}}", db="new", plugin_filename=name, trigger_specification=ALL_TABLES,
                    opts=pulumi.ResourceOptions(depends_on=[new, code, other, directory]))
        # a plugin or a client may create the table later
        Trigger("table", db="lacking", plugin_filename="there", trigger_specification=table("cpu"))
        """
    )
    stack.preview()
    stack.up()
    assert len(engine.client.triggers("new")) == 4


def test_the_preview_refuses_what_exists_with_the_error_of_the_deployment(
    tmp_path: Path, cli: PulumiCli, engine: RunningEngine
) -> None:
    engine.client.create_plugin_file("theirs.py", "theirs = 1")
    engine.client.create_plugin_file("their_directory/__init__.py", "theirs = 1")
    engine.client.create_plugin_file("there.py", PLUGIN)
    engine.client.create_database("theirs")
    engine.client.create_trigger(definition("theirs", "their_trigger"))

    in_place = 'PluginDirectory("their_directory", files={"__init__.py": "x = 1"}, in_place=True, trigger_name="t")'
    assert_refused(
        stack_with_online_checks(tmp_path, cli, engine.url),
        {
            'PluginFile("theirs.py", content="x = 1")': "plugin_name: plugin file 'theirs.py' exists already",
            in_place: "plugin_name: plugin directory 'their_directory' exists already",
            'Trigger("their_trigger", db="theirs", plugin_filename="there.py", trigger_specification=every("1h"))': (
                "trigger_name: trigger 'their_trigger' in database 'theirs' exists already and differs in "
                "trigger_specification: it runs there.py on 'all_tables'. A deployment that was killed may have left "
                "it: take it over with adopt=True"
            ),
            'Database("theirs", retain=False)': "db: database 'theirs' exists already, and with retain=False",
        },
    )


def test_a_resource_with_unknown_inputs_is_compared_by_its_known_ones(
    tmp_path: Path, cli: PulumiCli, engine: RunningEngine
) -> None:
    engine.client.create_plugin_file("there.py", PLUGIN)
    engine.client.create_database("unknown")
    engine.client.create_trigger(definition("unknown", "t"))
    stack = stack_with_online_checks(tmp_path, cli, engine.url)
    stack.program(
        """
        new = Database("new")
        specification = new.id.apply(lambda _: ALL_TABLES)
        settings = new.id.apply(lambda _: {"error_behavior": "disable"})
        Trigger("t", db="unknown", plugin_filename="there.py", trigger_specification=specification,
                trigger_settings=settings, adopt=pulumi.Config().require_bool("adopt"))
        """
    )
    stack.run("config", "set", "adopt", "false", expect=0)
    refused = stack.preview(expect=None)
    assert "exists already and differs in trigger_settings, trigger_specification" in " ".join(refused.output.split())
    stack.run("config", "set", "adopt", "true", expect=0)
    assert "trigger_specification: 'all_tables' -> known only during the deployment" in stack.preview().output


REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return {'args': args}\n"


def request_triggers(*triggers: tuple[str, str]) -> str:
    """A program of request triggers. Each trigger depends on the trigger before it.

    Args:
        triggers: Name of each trigger, and its arguments that differ from those of a trigger on ``PATH``.
    """
    lines = [
        f"before = PluginFile('hook.py', content={REQUEST!r})",
        "defaults = dict(db='one', plugin_filename='hook.py', trigger_specification=request('PATH'))",
        *(
            f"before = Trigger({name!r}, **defaults | {more}, opts=pulumi.ResourceOptions(depends_on=[before]))"
            for name, more in triggers
        ),
    ]
    return "\n".join(lines)


OTHER = "dict(trigger_specification=request('other'))"
OFF = "dict(disabled=True)"
SAME = "{}"
MOVES = {
    "another name": (request_triggers(("a", SAME)), request_triggers(("a", "dict(trigger_name='b')"))),
    "another database": (request_triggers(("a", SAME)), request_triggers(("a", "dict(db='two')"))),
    "another database and name": (
        request_triggers(("a", SAME)),
        request_triggers(("a", "dict(db='two', trigger_name='b')")),
    ),
    "another path": (request_triggers(("a", SAME)), request_triggers(("a", OTHER))),
    "to a new trigger, from one that is disabled": (
        request_triggers(("a", SAME)),
        request_triggers(("a", OFF), ("b", SAME)),
    ),
    "to a new trigger, from one that gets another path": (
        request_triggers(("a", SAME)),
        request_triggers(("a", OTHER), ("b", SAME)),
    ),
    "to a trigger that is enabled": (
        request_triggers(("a", SAME), ("b", OFF)),
        request_triggers(("a", OFF), ("b", SAME)),
    ),
    "to a new trigger, from one that is replaced": (
        request_triggers(("a", SAME)),
        request_triggers(("a", "dict(trigger_name='a2', trigger_specification=request('other'))"), ("b", SAME)),
    ),
    "in a chain": (
        request_triggers(("a", SAME), ("b", OTHER), ("c", OFF)),
        request_triggers(("a", OFF), ("b", SAME), ("c", OTHER)),
    ),
}


@pytest.mark.parametrize("case", MOVES)
def test_preview_and_deployment_accept_a_path_that_moves_between_triggers_of_the_program(
    stack: Stack, engine: RunningEngine, case: str
) -> None:
    before, after = MOVES[case]
    for db in ("one", "two"):
        engine.client.create_database(db)
    stack.run("config", "set", "influxdb3:onlineChecks", "true", expect=0)
    stack.program(before)
    stack.up()
    stack.program(after)

    stack.preview()
    stack.up()

    path = "other" if case == "another path" else "PATH"
    assert engine.client.call_request_trigger(path).status_code == 200
    assert stack.up().changes() == ""


CANNOT_MOVE = {
    "two triggers swap their paths": (
        request_triggers(("a", SAME), ("b", OTHER)),
        request_triggers(("a", OTHER), ("b", SAME)),
    ),
    "the trigger that has the path depends on the trigger that takes it": (
        request_triggers(("z", SAME)),
        request_triggers(("a", SAME), ("z", OFF)),
    ),
    "the trigger that has the path is removed": (request_triggers(("a", SAME)), request_triggers(("b", SAME))),
}


@pytest.mark.parametrize("case", CANNOT_MOVE)
def test_preview_and_deployment_both_refuse_a_path_that_cannot_move(
    stack: Stack, engine: RunningEngine, case: str
) -> None:
    before, after = CANNOT_MOVE[case]
    engine.client.create_database("one")
    stack.program(before)
    stack.up()
    stack.program(after)
    remedy = "add depends_on=[THAT_TRIGGER] to this trigger"

    deployed = stack.up(expect=None)
    stack.run("config", "set", "influxdb3:onlineChecks", "true", expect=0)
    previewed = stack.preview(expect=None)

    for ran in (deployed, previewed):
        assert ran.status != 0
        assert remedy in " ".join(ran.output.split())
        assert not ran.has_traceback()
    assert engine.client.call_request_trigger("PATH").status_code == 200


@pytest.mark.skipif(PROGRAM is not None, reason="only Enterprise has the flag --plugin-dir-only")
def test_the_preview_reports_flags_that_forbid_triggers_files_and_packages(tmp_path: Path, cli: PulumiCli) -> None:
    directory = tmp_path / "engine"
    (directory / "plugins").mkdir(parents=True)
    (directory / "plugins" / "there.py").write_text(PLUGIN)
    (directory / "plugins" / "scheduled.py").write_text(SCHEDULED)
    with start_server(
        directory, restrict_plugin_triggers_to="schedule", plugin_dir_only=True, package_manager="disabled"
    ) as locked:
        locked.client.create_database("d")
        stack = stack_with_online_checks(tmp_path, cli, locked.url)

        no_files = "The operator has locked the plugin directory: put the files there"
        no_packages = "The operator has disabled installations"
        fetched = 'Trigger("t", db="d", plugin_filename="gh:a/b.py", trigger_specification=every("1h"))'
        assert_refused(
            stack,
            {
                'Trigger("t", db="d", plugin_filename="there.py", trigger_specification=ALL_TABLES)': (
                    "restart the server with this kind in --restrict-plugin-triggers-to"
                ),
                fetched: no_files,
                'PluginFile("file.py", content="x = 1")': no_files,
                'PluginDirectory("directory", files={"__init__.py": "x = 1"})': no_files,
                'PackageSet("packages", packages=["psutil"])': no_packages,
                'PackageSet("requirements", requirements="psutil")': no_packages,
            },
        )

        stack.program('Trigger("t", db="d", plugin_filename="scheduled.py", trigger_specification=every("1h"))')
        stack.up()
        assert [row.trigger_name for row in locked.client.triggers("d")] == ["t"]


def test_the_number_of_requests_of_a_preview_does_not_grow_with_the_triggers(
    tmp_path: Path, cli: PulumiCli, engine: RunningEngine
) -> None:
    engine.client.create_database("counted")
    engine.client.write_lp("counted", "cpu v=1")
    engine.client.create_plugin_file("counted.py", PLUGIN)
    proxy = BreakingProxy(engine.url, silence=0)
    stack = stack_with_online_checks(tmp_path, cli, proxy.url)

    def requests(count: int) -> Counter[str]:
        stack.program(
            f"""
            for number in range({count}):
                Trigger(f"t{{number}}", db="counted", plugin_filename="counted.py", trigger_specification=table("cpu"))
            """
        )
        proxy.requests.clear()
        stack.preview()
        return Counter(request.split("?")[0].removeprefix("/api/v3") for request in proxy.requests)

    few = requests(1)  # each preview writes the probe again: it does not trust an existing file
    # Core 3.10 can stop a trigger on a missing table: one more request asks for the table
    assert few.total() == (6 if PROGRAM is None else 7), few
    assert requests(20) == few
    proxy.close()
    assert engine.client.triggers("counted") == []
