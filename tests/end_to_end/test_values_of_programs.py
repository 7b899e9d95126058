"""Values that a program passes: numbers of outputs, and objects that can or cannot be converted to text."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from stack import Stack

if TYPE_CHECKING:
    from influxdb3_embedded.testing import RunningEngine
    from pulumi_cli import PulumiCli

ECHO = """
import json

def process_request(influxdb3_local, query, headers, body, args=None):
    return {"query": query, "body": body.decode(), "args": args}

def process_scheduled_call(influxdb3_local, call_time, args=None):
    pass

def process_writes(influxdb3_local, table_batches, args=None):
    influxdb3_local.info(json.dumps(args, sort_keys=True))
"""
EXPORTS = """
pulumi.export("n", 5)
pulumi.export("half", 2.5)
pulumi.export("big", 1e22)
pulumi.export("negative", -0.0)
pulumi.export("args", {"whole": 7, "half": 0.5, "on": True, "nested": {"n": 9}})
"""


def test_whole_numbers_of_outputs_stay_whole_in_every_property(
    stack: Stack, engine: RunningEngine, db: str, cli: PulumiCli
) -> None:
    exporting = Stack(stack.directory, cli, os.environ, name="exporting")
    exporting.program(EXPORTS)
    exporting.up()
    stack.program(
        f"""
        import json
        ref = pulumi.StackReference("organization/test/exporting")
        n, half, args = ref.get_output("n"), ref.get_output("half"), ref.get_output("args")
        gate = WalTest(input_lp="cpu v=1", database="{db}", arguments={{"n": n, "m": 5, "half": half}})
        plugin = PluginFile("{db}.py", content={ECHO!r}, test=gate)
        common = dict(db="{db}", plugin_filename=plugin.plugin_filename)
        trigger = Trigger("t", **common, trigger_specification=request("{db}"), trigger_arguments={{
            "n": n, "m": 5, "half": half, "literal": 5.0, "exact": 2**53 + 1, "huge": 1e22, "minus": -0.0,
            "later_exact": n.apply(lambda _: 2**53 + 1), "later_huge": ref.get_output("big"),
            "later_minus": ref.get_output("negative"), "later_literal": pulumi.Output.from_input(5.0),
            "later_infinite": pulumi.Output.from_input(float("inf")),
            "nested": args["nested"]["n"], "secret": pulumi.Output.secret(6.0)}})
        Trigger("whole", **common, trigger_specification=table("a"), watch=Watch(seconds=1, runs=1),
                trigger_arguments=args.apply(lambda known: {{**known, "nested": json.dumps(known["nested"])}}))
        answer = invoke_request(trigger.endpoint_url, method="POST", body=n,
                                params={{"n": n, "half": half, "on": True}})
        pulumi.export("answer", answer.text.apply(json.loads))
        tried = dry_run_wal(plugin.plugin_filename, db="{db}", input_lp="cpu v=1", arguments={{"n": n, "x": 5.0}})
        pulumi.export("logged", tried.log_lines[1])
        tried = dry_run_wal(plugin.plugin_filename, db="{db}", input_lp="cpu v=1",
                            arguments=args.apply(lambda known: {{"whole": known["whole"]}}))
        pulumi.export("logged_whole", tried.log_lines[1])
        """
    )
    stack.up()
    live = engine.client.trigger_arguments(db)
    assert live["t"] == {
        "n": "5",
        "m": "5",
        "half": "2.5",
        "literal": "5.0",
        "exact": "9007199254740993",
        "huge": "1e+22",
        "minus": "-0.0",
        "later_exact": "9007199254740993",
        "later_huge": "10000000000000000000000",
        "later_minus": "0",
        "later_literal": "5",
        "later_infinite": "inf",
        "nested": "9",
        "secret": "6",
    }
    assert {name: live["whole"][name] for name in ("whole", "half", "on")} == {
        "whole": "7",
        "half": "0.5",
        "on": "true",
    }
    outputs = stack.outputs()
    assert outputs["answer"]["query"] == {"n": "5", "half": "2.5", "on": "true"}
    assert outputs["answer"]["body"] == "5"
    assert outputs["logged"] == 'INFO: {"n": "5", "x": "5.0"}'
    assert outputs["logged_whole"] == 'INFO: {"whole": "7"}'
    (gate,) = stack.resources()[f"{db}.py"]["inputs"]["test"]
    assert gate["arguments"] == {"n": "5", "m": "5", "half": "2.5"}
    assert stack.up().changes() == ""


OBJECTS = """
import dataclasses, datetime, decimal, enum, fractions, json, pathlib, types, uuid

class Color(enum.Enum):
    RED = "red"

class Level(enum.IntEnum):
    HIGH = 3

class Mode(enum.StrEnum):
    FAST = "fast"

class Old(str, enum.Enum):
    NEW = "new"

class Count(int):
    def __str__(self):
        return "many"

@dataclasses.dataclass
class Price:
    amount: int

at = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
"""
CONVERTED = {
    'Color.RED': "red",
    'Level.HIGH': "3",
    'Mode.FAST': "fast",
    'Old.NEW': "new",
    'Count(4)': "4",
    'pathlib.PurePosixPath("a/b")': "a/b",
    'decimal.Decimal("1.50")': "1.50",
    'fractions.Fraction(1, 3)': "1/3",
    'uuid.UUID(int=1)': "00000000-0000-0000-0000-000000000001",
    'at': "2026-01-02T03:04:05+00:00",
    'at.date()': "2026-01-02",
    'True': "true",
    '0.1': "0.1",
    'float("nan")': "nan",
}  # fmt: skip
REFUSED = {
    'None': "None is not a text: leave the argument out",
    'b"raw"': "a text is needed, not bytes: write VALUE.decode()",
    'bytearray(b"raw")': "a text is needed, not bytes: write VALUE.decode()",
    'datetime.timedelta(minutes=1)': "VALUE.total_seconds()",
    '{1, 2}': "json.dumps(sorted(VALUE))",
    'frozenset()': "json.dumps(sorted(VALUE))",
    '(1, 2)': "json.dumps(VALUE)",
    '[1]': "json.dumps(VALUE)",
    '{"a": 1}': "json.dumps(VALUE)",
    'types.MappingProxyType({})': "json.dumps(VALUE)",
    'Price(1)': "json.dumps(dataclasses.asdict(VALUE))",
    'object()': "a value of the type object cannot be sent: write it as a text",
    '1j': "a value of the type complex cannot be sent",
    'len': "cannot be sent",
    'pulumi.FileAsset("p.py")': "a value of the type FileAsset cannot be sent",
    'pulumi.ComponentResource("a:b:C", "c" + str(number))': "pass one of its outputs",
    '"a\\ud800"': "a lone surrogate",
    'f"{later}"': "pulumi.Output.format",
    '"%s" % later': "OUTPUT.apply(",
    '"{}".format(later)': "contains the text of an Output",
    '"".join([str(later)])': "contains the text of an Output",
    'f"{later!r}"': "contains the text of an Output",
}  # fmt: skip


def caught_errors(stack: Stack, program: str) -> dict[str, str]:
    """The errors that a program catches, by value, from the file ``errors.json``."""
    stack.program(OBJECTS + program)
    ran = stack.preview(expect=0)
    assert "Traceback" not in ran.output
    errors: dict[str, str] = json.loads((stack.directory / "errors.json").read_text())
    return errors


def test_convertible_objects_become_text_and_others_are_errors_that_say_what_to_write(unreachable_stack: Stack) -> None:
    errors = caught_errors(
        unreachable_stack,
        f"""
later = pulumi.Output.from_input("x")
errors = {{}}
for number, value in enumerate({[*CONVERTED, *REFUSED]!r}):
    try:
        Trigger(f"t{{number}}", db="d", plugin_filename="p.py", trigger_specification=ALL_TABLES,
                trigger_arguments={{"max temp": eval(value)}})
        errors[value] = ""
    except pulumi.RunError as error:
        errors[value] = str(error)
pathlib.Path("errors.json").write_text(json.dumps(errors))
""",
    )
    for value in CONVERTED:
        assert errors[value] == ""
    for value, remedy in REFUSED.items():
        assert ': trigger_arguments["max temp"]: ' in errors[value], value
        assert remedy in errors[value], value


def test_the_server_stores_the_converted_values(stack: Stack, engine: RunningEngine, db: str) -> None:
    arguments = ", ".join(f'"a{number}": {value}' for number, value in enumerate(CONVERTED))
    later = ", ".join(
        f'"o{number}": pulumi.Output.from_input(0).apply(lambda _: {value})' for number, value in enumerate(CONVERTED)
    )
    stack.program(
        OBJECTS
        + f"""
plugin = PluginFile("{db}.py", content={ECHO!r})
Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=ALL_TABLES,
        trigger_arguments={{{arguments}, {later}, 5: 1, Color.RED: 2}},
        trigger_settings={{"error_behavior": enum.Enum("E", {{"LOG": "log"}}).LOG}})
Trigger(Mode.FAST, db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=every(
        pulumi.Output.from_input(datetime.timedelta(hours=1))))
Trigger("named", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=table(
        pulumi.Output.from_input("cpu")), trigger_arguments={{}})
"""
    )
    stack.up()
    texts = list(CONVERTED.values())
    live = engine.client.trigger_arguments(db)["t"]
    assert [live[f"a{number}"] for number in range(len(texts))] == texts
    assert [live[f"o{number}"] for number in range(len(texts))] == texts
    assert (live["5"], live["red"]) == ("1", "2")
    inputs = {name: each["inputs"] for name, each in stack.resources().items()}
    assert inputs["fast"]["trigger_specification"] == "every:1h"
    assert inputs["named"]["trigger_specification"] == "table:cpu"
    assert stack.up().changes() == ""


EVERYWHERE = {
    'Database(bad)': "the resource's name",
    'Database("a", db=bad)': "db",
    'Trigger("a", **{**T, "trigger_name": bad})': "trigger_name",
    'Trigger("a", **{**T, "db": bad})': "db",
    'Trigger("a", **{**T, "plugin_filename": bad})': "plugin_filename",
    'Trigger("a", **{**T, "trigger_specification": bad})': "trigger_specification",
    'Trigger("a", **T, trigger_arguments={bad: 1})': "a key of trigger_arguments",
    'Trigger("a", **T, trigger_arguments={"x": bad})': "trigger_arguments.x",
    'Trigger("a", **T, node_spec=["n", bad])': "node_spec[1]",
    'Trigger("a", **T, trigger_settings={"error_behavior": bad})': "trigger_settings.error_behavior",
    'PluginFile(bad, content="")': "the resource's name",
    'PluginFile("p.py", plugin_name=bad, content="")': "plugin_name",
    'PluginFile("p.py", content=bad)': "content",
    'PluginFile("p.py", content="", trigger_name=bad)': "trigger_name",
    'PluginFile("p.py", content="", test=WalTest(input_lp=bad))': "test[0].input_lp",
    'PluginFile("p.py", content="", test=[WalTest(input_lp=""), WalTest(input_lp="", arguments={"x": bad})])':
        "test[1].arguments.x",
    'PluginFile("p.py", content="", test=WalTest(input_lp="", arguments={bad: 1}))': "a key of test[0].arguments",
    'PluginFile("p.py", content="", test=WalTest(input_lp="", database=bad))': "test[0].database",
    'PluginFile("p.py", content="", test=WalTest(input_lp="", expect_writes=["m v=1", bad]))':
        "test[0].expect_writes[1]",
    'PluginFile("p.py", content="", test=WalTest(input_lp="", expect_writes={bad: []}))':
        "a key of test[0].expect_writes",
    'PluginFile("p.py", content="", test=ScheduleTest(schedule=bad))': "test[0].schedule",
    'PluginDirectory("d", files={"__init__.py": bad})': 'files["__init__.py"]',
    'PluginDirectory("d", files={bad: ""})': "a path in files",
    'PluginDirectory("d", plugin_name=bad, files={"__init__.py": ""})': "plugin_name",
    'PackageSet("s", packages=["six", bad])': "packages[1]",
    'PackageSet("s", requirements=bad)': "requirements",
    'PackageSet("s", packages=["six"], reinstall=bad)': "reinstall",
    'table(bad)': "name",
    'cron(bad)': "expression",
    'every(bad)': "interval",
    'request(bad)': "path",
    'invoke_request(bad)': "endpoint_url",
    'invoke_request("u", params={"x": bad})': "params.x",
    'invoke_request("u", body=bad)': "body",
    'test_wal_plugin(bad, db="d", input_lp="")': "filename",
    'test_wal_plugin("p.py", db=bad, input_lp="")': "database",
    'test_wal_plugin("p.py", db="d", input_lp=bad)': "input_lp",
    'test_wal_plugin("p.py", db="d", input_lp="", arguments={"x": bad})': "arguments.x",
    'test_schedule_plugin("p.py", db="d", schedule=bad)': "schedule",
    'dry_run_wal("p.py", db="d", input_lp="", arguments={"x": bad})': "arguments.x",
    'dry_run_schedule("p.py", db=bad)': "database",
    'Trigger("a", TriggerArgs(**T, handover=bad))': "handover",
    'Trigger("a", **T, watch=Watch(seconds=bad))': "watch.seconds",
    'Trigger("a", **T, restart_on=[bad])': "restart_on[0]",
}  # fmt: skip


@pytest.mark.parametrize(
    ("bad", "remedy"),
    [
        ('f"{pulumi.Output.from_input(1)}_cpu"', "pulumi.Output.format('{}_cpu', OUTPUT)"),
        ('b"raw"', "a text is needed, not bytes"),
    ],
)
def test_every_property_helper_and_function_refuses_what_cannot_be_converted(
    unreachable_stack: Stack, bad: str, remedy: str
) -> None:
    errors = caught_errors(
        unreachable_stack,
        f"""
bad = {bad}
T = dict(db="d", plugin_filename="p.py", trigger_specification=ALL_TABLES)
errors = {{}}
for call in {list(EVERYWHERE)!r}:
    try:
        eval(call)
        errors[call] = "accepted"
    except pulumi.RunError as error:
        errors[call] = str(error)
pathlib.Path("errors.json").write_text(json.dumps(errors))
""",
    )
    for call, path in EVERYWHERE.items():
        if path == "the resource's name" and "raw" in bad:
            assert "the first argument is the resource's name: pass a str" in errors[call]
            continue
        assert f": {path}: " in errors[call], (call, errors[call])
        assert remedy in errors[call], (call, errors[call])


@pytest.mark.parametrize(
    ("later", "errors"),
    [
        ("None", "trigger_arguments.a: None is not a text"),
        ('b"x"', "trigger_arguments.a: a text is needed, not bytes"),
        ('f"{pulumi.Output.from_input(1)}"', "trigger_arguments.a: it contains the text of an Output"),
    ],
)
def test_an_invalid_value_inside_an_output_is_an_error_without_a_traceback(
    unreachable_stack: Stack, later: str, errors: str
) -> None:
    unreachable_stack.program(
        f"""
        Trigger("t", db="d", plugin_filename="p.py", trigger_specification=ALL_TABLES,
                trigger_arguments=pulumi.Output.from_input(1).apply(lambda _: {{"a": {later}}}))
        """
    )
    ran = unreachable_stack.preview(expect=None)
    assert ran.status != 0
    assert errors in ran.output, ran.output
    assert "Traceback" not in ran.output


@pytest.mark.parametrize(
    ("program", "errors"),
    [
        ('table("a\\nb")', "the table name holds a line break"),
        ('"table:a\\tb"', "the table name holds a line break or another control character"),
        ('request("a\\nb")', "the request path holds other characters than"),
    ],
)
def test_names_with_line_breaks_are_errors(unreachable_stack: Stack, program: str, errors: str) -> None:
    unreachable_stack.program(
        f"""
        Trigger("t", db="d", plugin_filename="p.py", trigger_specification={program}, node_spec=["a\\nb"])
        """
    )
    ran = unreachable_stack.preview(expect=None)
    assert ran.status != 0
    assert errors in ran.output, ran.output
    assert "node_spec: a node id holds a line break" in ran.output
