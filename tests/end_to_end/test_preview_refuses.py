"""Previews of invalid programs fail without requests: these stacks have no server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stack import Stack

PLUGIN = 'PluginFile("p.py", content="def process_writes(influxdb3_local, table_batches, args=None): pass")'
REFUSED = {
    "an unknown specification": (
        'Trigger("t", db="d", plugin_filename="p.py", trigger_specification="hourly")',
        ["trigger_specification", "'hourly' is not a trigger specification", "'every:<DURATION>'"],
    ),
    "a five-field cron": (
        'Trigger("t", db="d", plugin_filename="p.py", trigger_specification=cron("*/5 * * * *"))',
        ["trigger_specification", "put the second in front, '0 */5 * * * *'"],
    ),
    "an interval of over a year": (
        'Trigger("t", db="d", plugin_filename="p.py", trigger_specification=every("2y"))',
        ["trigger_specification", "'2y' is longer than one year"],
    ),
    "a plugin without the entry point": (
        f'p = {PLUGIN}\nTrigger("t", db="d", plugin_filename=p.plugin_filename, trigger_specification=request("r"))',
        ["plugin_filename", "it defines process_writes", "def process_request(influxdb3_local"],
    ),
    "Python that does not parse": (
        'PluginFile("p.py", content="x = 1\\ndef process_writes(:\\n")',
        ["content: p.py, line 2: invalid syntax"],
    ),
    "a relative import of a module that is not there": (
        'PluginDirectory("d", files={"__init__.py": "from .missing import x"})',
        ["files", "there is no module '.missing'"],
    ),
    "a plugin file outside the plugin directory": (
        'PluginFile("p", plugin_name="../p.py", content="")',
        ["plugin_name", "write a path that stays inside the plugin directory"],
    ),
    "two triggers of one name": (
        "for number in (1, 2):\n"
        '    Trigger(str(number), db="d", trigger_name="t", plugin_filename="p.py",'
        ' trigger_specification=every(f"{number}s"))',
        ["trigger_name", "another Trigger of this program is the trigger 't' in database 'd'"],
    ),
    "two triggers of one name that are the same": (
        "for number in (1, 2):\n"
        '    Trigger(str(number), db="d", trigger_name="t", plugin_filename="p.py", trigger_specification=ALL_TABLES)',
        ["trigger_name", "another Trigger of this program is the trigger 't' in database 'd', too"],
    ),
    "two plugin files of one name": (
        'for number in (1, 2):\n    PluginFile(str(number), plugin_name="p.py", content=f"a = {number}")',
        ["plugin_name", "another resource of this program is the plugin file 'p.py' with other content"],
    ),
    "a plugin file whose path can be written otherwise": (
        'PluginFile("p", plugin_name="./a//p.py", content="")',
        ["plugin_name", "write the path as 'a/p.py'"],
    ),
    "a text where a list of packages belongs": (
        'PackageSet("p", packages="six")',
        ["PackageSet 'p': packages is a list: write packages=['six']"],
    ),
    "a text where a list of lines belongs": (
        'PluginFile("p.py", content="", test=WalTest(input_lp="cpu v=1", expect_writes="cpu v=1"))',
        ["expect_writes is a list: write expect_writes=['cpu v=1']"],
    ),
    "a number where a list of packages belongs": (
        'PackageSet("p", packages=5)',
        ["PackageSet 'p': packages is a list: write packages=[5]"],
    ),
    "the name of a requirements file where its text belongs": (
        'PackageSet("p", requirements="requirements.txt")',
        ["requirements: this is the name of a file", "pathlib.Path"],
    ),
    "a number where files belong": (
        'PluginDirectory("d", files=5)',
        ["PluginDirectory 'd': files maps relative paths to texts: write files={'__init__.py': TEXT}"],
    ),
    "an output where a path belongs": (
        'PluginFile("p.py", source=pulumi.Output.from_input("p.py"))',
        ["PluginFile 'p.py': source is the path of a file or directory"],
    ),
    "a text where a dry run belongs": (
        'PluginFile("p.py", content="", test="cpu v=1")',
        ["PluginFile 'p.py': test is a WalTest or a ScheduleTest, or a list of them"],
    ),
    "a dry run with an invalid schedule": (
        'PluginFile("p.py", content="def process_scheduled_call(i, t, a): pass", test=ScheduleTest(schedule="noon"))',
        ["test[0].schedule"],
    ),
    "a watch of the wrong type": (
        'Trigger("t", db="d", plugin_filename="p.py", trigger_specification=ALL_TABLES, watch=30)',
        ["watch: Watch(...) is needed, not a number"],
    ),
    "a source that does not exist": ('PluginFile("p.py", source="nowhere.py")', ["nowhere.py: No such file"]),
    "no database": (
        'Trigger("t", plugin_filename="p.py", trigger_specification=ALL_TABLES)',
        ["db", "pulumi config set influxdb3:database NAME"],
    ),
    "an argument that cannot be converted to text": (
        'Trigger("t", db="d", plugin_filename="p.py", trigger_specification=ALL_TABLES, trigger_arguments={"a": [1]})',
        ["trigger_arguments.a", "json.dumps"],
    ),
    "an unknown error behaviour": (
        'Trigger("t", db="d", plugin_filename="p.py", trigger_specification=ALL_TABLES,'
        ' trigger_settings={"error_behavior": "Log"})',
        ["trigger_settings.error_behavior", "'log', 'retry' or 'disable'"],
    ),
    "an invalid requirement specifier": (
        'PackageSet("p", packages=["psutil", "a b"])',
        ["packages[1]: write a requirement specifier", "NAME>=VERSION"],
    ),
    "a request path that no client can call": (
        'Trigger("t", db="d", plugin_filename="p.py", trigger_specification=request("/a b"))',
        ["trigger_specification", "starts with '/'"],
    ),
    "an invalid database name": ('Database("_d")', ["db", "starts with an ASCII letter or digit"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_preview_names_the_property_and_what_to_write(case: str, unreachable_stack: Stack) -> None:
    program, expected = REFUSED[case]
    unreachable_stack.program(program)
    ran = unreachable_stack.preview(expect=None)
    assert ran.status != 0
    for text in expected:
        assert text in ran.output, ran.output
    assert not ran.has_traceback(), ran.output
    assert "x = 1" not in ran.output  # the value may be secret


def test_the_preview_of_a_valid_program_needs_no_server(unreachable_stack: Stack) -> None:
    unreachable_stack.program(
        f"""
        d = Database("d")
        p = {PLUGIN}
        Trigger("t", db=d.db, plugin_filename=p.plugin_filename, trigger_specification=ALL_TABLES)
        f = PluginDirectory("f", files=pulumi.Output.from_input({{"__init__.py": "def process_writes(i, t, a): pass"}}))
        Trigger("f", db=d.db, plugin_filename=f.plugin_filename, trigger_specification=ALL_TABLES)
        Trigger("cron", db=d.db, plugin_filename="c.py", trigger_specification=cron("0 0 6 * * 1-5"))
        """
    )
    ran = unreachable_stack.preview("--diff", expect=0)
    assert '"cron:0 0 6 * * MON-FRI"' in ran.output
