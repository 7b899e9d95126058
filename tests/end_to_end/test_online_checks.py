"""What a preview asks the server where a stack opts in: nothing is changed by it, and each fact is asked for once."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from breaking_proxy import BreakingProxy
from servers import PROGRAM, start_server
from stack import Stack

PLUGIN = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"
SCHEDULED = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    pass\n"


def asking(directory, cli, url):
    """A stack whose previews ask the server."""
    config = {"influxdb3:hostUrl": url, "influxdb3:onlineChecks": "true"}
    return Stack(directory / "stack", cli, os.environ, config=config)


def assert_refused(stack, reasons):
    """Each program fails with its reason; one at a time, since a preview ends at the first failure."""
    for program, reason in reasons.items():
        stack.program(program)
        ran = stack.preview(expect=None)
        assert ran.status != 0
        assert not ran.has_traceback(), ran.output
        assert reason in " ".join(ran.output.split())


def test_what_the_server_lacks_is_named_by_property(tmp_path, cli, engine):
    engine.client.create_database("lacking")
    engine.client.create_plugin_file("there.py", PLUGIN)
    engine.client.create_plugin_file("there/__init__.py", PLUGIN)
    stack = asking(tmp_path, cli, engine.url)

    assert_refused(
        stack,
        {
            'Trigger("t", db="nowhere", plugin_filename="there.py", trigger_specification=ALL_TABLES)': (
                "db: there is no database 'nowhere': declare a Database"
            ),
            'Trigger("t", db="lacking", plugin_filename="there", trigger_specification=table("cpu"))': (
                "trigger_specification: there is no table 'cpu'"
            ),
            'Trigger("t", db="lacking", plugin_filename="none.py", trigger_specification=ALL_TABLES)': (
                "plugin_filename: there is no 'none.py' in the plugin directory: declare a PluginFile"
            ),
        },
    )

    engine.client.write_lp("lacking", "cpu v=1")
    stack.program(
        """
        new = Database("new")
        code = PluginFile("code.py", content="def process_writes(influxdb3_local, table_batches, args=None): pass")
        Trigger("t", db=new.db, plugin_filename=code.plugin_filename, trigger_specification=ALL_TABLES)
        Trigger("table", db="lacking", plugin_filename="there", trigger_specification=table("cpu"))
        """
    )
    stack.preview()


def test_what_exists_with_other_content_is_refused_before_the_deployment(tmp_path, cli, engine):
    engine.client.create_plugin_file("theirs.py", "theirs = 1")
    engine.client.create_plugin_file("their_directory/__init__.py", "theirs = 1")

    in_place = 'PluginDirectory("their_directory", files={"__init__.py": "x = 1"}, in_place=True, trigger_name="t")'
    assert_refused(
        asking(tmp_path, cli, engine.url),
        {
            'PluginFile("theirs.py", content="x = 1")': "plugin_name: plugin file 'theirs.py' exists already",
            in_place: "plugin_name: plugin directory 'their_directory' exists already",
        },
    )


@pytest.mark.skipif(PROGRAM is not None, reason="only Enterprise has the flag --plugin-dir-only")
def test_a_server_that_takes_no_other_triggers_no_files_and_no_packages_says_so_at_preview(tmp_path, cli):
    directory = tmp_path / "engine"
    (directory / "plugins").mkdir(parents=True)
    (directory / "plugins" / "there.py").write_text(PLUGIN)
    (directory / "plugins" / "scheduled.py").write_text(SCHEDULED)
    flags = {"restrict_plugin_triggers_to": "schedule", "plugin_dir_only": True, "package_manager": "disabled"}
    with start_server(directory, **flags) as locked:
        locked.client.create_database("d")
        stack = asking(tmp_path, cli, locked.url)

        no_files = "The operator has locked the plugin directory (--plugin-dir-only)"
        no_packages = "The operator has switched installation off"
        fetched = 'Trigger("t", db="d", plugin_filename="gh:a/b.py", trigger_specification=every("1h"))'
        assert_refused(
            stack,
            {
                'Trigger("t", db="d", plugin_filename="there.py", trigger_specification=ALL_TABLES)': (
                    "have --restrict-plugin-triggers-to extended"
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


def test_a_preview_with_checks_costs_the_same_requests_however_many_triggers(tmp_path, cli, engine):
    engine.client.create_database("counted")
    engine.client.write_lp("counted", "cpu v=1")
    engine.client.create_plugin_file("counted.py", PLUGIN)
    proxy = BreakingProxy(engine.url, silence=0)
    stack = asking(tmp_path, cli, proxy.url)

    def requests(count):
        stack.program(
            f"""
            for number in range({count}):
                Trigger(f"t{{number}}", db="counted", plugin_filename="counted.py", trigger_specification=table("cpu"))
            """
        )
        proxy.requests.clear()
        stack.preview()
        return Counter(request.split("?")[0].removeprefix("/api/v3") for request in proxy.requests)

    requests(1)  # brings the probe
    few = requests(1)
    assert few.total() == 5, few
    assert requests(20) == few
    proxy.close()
    assert engine.client.triggers("counted") == []
