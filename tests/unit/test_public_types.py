"""How complete the types of the public package are, as type checkers see them that users run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from mypy import api as mypy

ROOT = Path(__file__).parents[2]
PROGRAM = """
import re
from pathlib import Path
from typing import Any

import pulumi
from pulumi_influxdb3_engine import *

yes: pulumi.Output[bool] = pulumi.Output.from_input(True)
text: pulumi.Output[str] = pulumi.Output.from_input("x")
words: pulumi.Output[dict[str, str]] = pulumi.Output.from_input({})
watch: pulumi.Output[Watch] = pulumi.Output.from_input(Watch(seconds=pulumi.Output.from_input(1.0)))
opts = pulumi.ResourceOptions(protect=True)
db = Database("d", retain=yes, adopt=yes)
Database("d2", DatabaseArgs(db=text), opts)
PackageSet("s", packages=("a", text), retain=yes)
PackageSet("s2", args=PackageSetArgs(requirements=Path("r.txt")), opts=opts)
test = WalTest(input_lp=text, expect_writes=["a b=1", re.compile("a")], arguments={"a": 1, "b": text})
file = PluginFile("f.py", source=Path("f.py"), test=[test, ScheduleTest(schedule=text)])
PluginFile("g.py", PluginFileArgs(content=text, test=pulumi.Output.from_input(test), retain=False))
directory = PluginDirectory("p", files={"a": text}, in_place=yes, trigger_name=text)
PluginDirectory("q", PluginDirectoryArgs(source="q", exclude=("*.png",), test=test))
trigger = Trigger(
    "t", plugin_filename=file.plugin_filename, trigger_specification=ALL_TABLES, db=db.db, disabled=yes, adopt=yes,
    trigger_arguments=words, trigger_settings={"run_async": yes, "error_behavior": "log"}, node_spec=("a", text),
    force_delete=yes, watch=watch, handover="cut", restart_on=(1, text),
)
Trigger("u", TriggerArgs(plugin_filename="p", trigger_specification="s", watch=Watch(1), trigger_arguments={"a": 1}))
answer: pulumi.Output[RequestAnswer] = invoke_request(trigger.endpoint_url, params={"a": 1, "b": text})
tried: pulumi.Output[DryRunAnswer] = dry_run_wal("p", db=db.db, input_lp=text)
shown: list[pulumi.Output[bool]] = [trigger.adopt, file.retain, directory.in_place, db.retain]
"""
WRONG = {
    'Trigger("t", plugin_filename="p")': "call-overload",
    'Trigger("t", PluginFileArgs(content=""))': "call-overload",
    'Trigger("t", plugin_filename="p", trigger_specification="s", handover="drop")': "call-overload",
    'Database("d", retain="no")': "call-overload",
    'TriggerArgs(plugin_filename="p")': "call-arg",
}


def pyright(*arguments: str) -> Any:
    """What pyright reports."""
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return json.loads(run.stdout)


def test_every_public_symbol_has_a_known_type() -> None:
    report = pyright("--verifytypes", "pulumi_influxdb3_engine", "--ignoreexternal")
    symbols = report["typeCompleteness"]["symbols"]
    public = [each for each in symbols if each["isExported"]]

    assert {"pulumi_influxdb3_engine.trigger.Trigger", "pulumi_influxdb3_engine.trigger.TriggerArgs"} <= {
        each["name"] for each in public
    }
    assert {each["name"]: each["diagnostics"] for each in public if not each["isTypeKnown"]} == {}


def test_a_program_that_uses_all_forms_of_arguments_type_checks(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    wrong = "".join(f"{call}  # type: ignore[{code}]\n" for call, code in WRONG.items())
    program.write_text(PROGRAM + wrong)

    output, errors, status = mypy.run(["--strict", "--cache-dir", str(tmp_path / "cache"), str(program)])

    assert (status, errors) == (0, ""), output
    assert [each for each in pyright(str(program))["generalDiagnostics"] if each["severity"] == "error"] == []
