"""The text of exported programs: readable, formatted, without secrets."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from influxdb3_engine_api import EngineClient
from influxdb3_engine_api.wire import TriggerRow
from influxdb3_engine_export.declarations import Declarations, declare
from influxdb3_engine_export.program import ProgramText, write_program
from influxdb3_engine_export.reading import FoundTrigger, PluginCode, ServerContent, retention_periods
from influxdb3_engine_export.source_code import assignment, call, dict_of, list_of, literal
from influxdb3_engine_resources.plugins.directory import files_sha256
from influxdb3_engine_resources.server.live_triggers import LiveTrigger
from influxdb3_engine_resources.server.probe import ProbeReport

RUFF = Path(sys.executable).parent / "ruff"
CODE = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    pass\n"
EVERY = '{"every":{"duration":{"secs":90,"nanos":0}}}'
CALLS = '{"request_path":{"path":"report"}}'


def trigger(
    name: str,
    plugin: str = "p.py",
    arguments: dict[str, str] | None = None,
    *,
    db: str = "metrics",
    on: str = EVERY,
    disabled: bool = False,
    error_behavior: str = "log",
) -> FoundTrigger:
    row = TriggerRow(
        trigger_name=name,
        plugin_filename=plugin,
        trigger_specification=on,
        disabled=disabled,
        error_behavior=error_behavior,
    )
    return FoundTrigger(db, LiveTrigger(row, arguments))


def content(*triggers: FoundTrigger, **code: str | dict[str, str | None] | None) -> ServerContent:
    plugins = {}
    for name, files in code.items():
        if isinstance(files, dict):
            plugins[name] = PluginCode({f"{name}/{path}": text for path, text in files.items()}, is_directory=True)
        else:
            plugins[f"{name}.py"] = PluginCode({f"{name}.py": files}, is_directory=False)
    return ServerContent(sorted({each.db for each in triggers}), triggers, plugins)


def written(*triggers: FoundTrigger, **code: str | dict[str, str | None] | None) -> tuple[Declarations, ProgramText]:
    declared = declare(content(*triggers, **code))
    return declared, write_program(declared)


def ruff(text: str, *command: str) -> str:
    options = ["--isolated", "--stdin-filename", "__main__.py", "-"]
    return subprocess.run([RUFF, *command, *options], input=text, capture_output=True, text=True, check=True).stdout


def test_a_program_reads_as_if_a_person_wrote_it() -> None:
    _, program = written(
        trigger("hourly", arguments={"threshold": "80", "token": "abc"}),
        trigger("report", "q.py", on=CALLS, disabled=True),
        trigger("again", "gh:influxdata/x/x.py", error_behavior="retry"),
        trigger("twice", "gh:influxdata/x/x.py"),
        p=CODE,
        q="def process_request(influxdb3_local, query, headers, body, args=None): return ''\n",
    )

    assert program.secrets == {"hourly_token": "abc"}
    assert (
        program.text
        == '''"""Databases, plugins and triggers of an InfluxDB 3 server."""

import pulumi

from pulumi_influxdb3_engine import Database, PluginFile, Trigger, every, request

config = pulumi.Config()

metrics = Database("metrics")

x = "gh:influxdata/x/x.py"
# The server does not list run_async and node_spec. Set them here if they are set.
Trigger(
    "again",
    db=metrics.db,
    plugin_filename=x,
    trigger_specification=every("1m30s"),
    trigger_settings={"error_behavior": "retry"},
)
# The server does not list run_async and node_spec. Set them here if they are set.
Trigger(
    "twice",
    db=metrics.db,
    plugin_filename=x,
    trigger_specification=every("1m30s"),
)

p = PluginFile("p.py", source="plugins/p.py")
# The server does not list run_async and node_spec. Set them here if they are set.
Trigger(
    "hourly",
    db=metrics.db,
    plugin_filename=p.plugin_filename,
    trigger_specification=every("1m30s"),
    trigger_arguments={
        "threshold": "80",
        "token": config.require_secret("hourly_token"),
    },
)

q = PluginFile("q.py", source="plugins/q.py")
# The server does not list run_async and node_spec. Set them here if they are set.
Trigger(
    "report",
    db=metrics.db,
    plugin_filename=q.plugin_filename,
    trigger_specification=request("report"),
    disabled=True,
)
'''
    )


def test_an_empty_server_becomes_an_empty_program() -> None:
    assert write_program(declare(ServerContent([], []))).text.count("\n") == 1


def test_triggers_with_the_same_secret_share_a_key() -> None:
    _, program = written(trigger("a", arguments={"webhook": "x"}), trigger("b", arguments={"webhook": "x"}), p=CODE)

    assert program.secrets == {"webhook": "x"}
    assert program.text.count('config.require_secret("webhook")') == 2


def test_a_secret_request_path_is_not_in_the_program() -> None:
    path = "9f86d081884c7d659a2feaa0c55ad015"
    _, program = written(trigger("t", on=f'{{"request_path":{{"path":"{path}"}}}}'))

    assert path not in program.text
    assert 'request(config.require_secret("t_request_path"))' in program.text


def test_a_directory_that_a_program_made_is_declared_without_its_hash() -> None:
    files: dict[str, str | None] = {"__init__.py": CODE, "data/a.txt": "a\r\n"}
    name = f"ours_{files_sha256({path: str(text) for path, text in files.items()})[:12]}"
    declared, program = written(trigger("t", name), **{name: files})

    assert 'ours = PluginDirectory("ours", source="plugins/ours")' in program.text
    assert declared.plugins[name].source == "plugins/ours"


def test_a_directory_that_was_changed_by_hand_is_declared_in_place() -> None:
    declared, program = written(trigger("t", "ours_0123456789ab/"), ours_0123456789ab={"__init__.py": CODE})

    assert 'source="plugins/ours_0123456789ab",\n    in_place=True,\n    trigger_name="t",' in program.text
    assert 'plugin_filename=pulumi.Output.concat(ours_0123456789ab.plugin_filename, "/")' in program.text
    assert declared.kept == {}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"__init__.py": CODE, "model.bin": None}, "model.bin is larger than a mebibyte, or not UTF-8 text"),
        ({"__init__.py": CODE.replace("\n", "\r\n")}, "__init__.py has line ends of Windows"),
        ({"a.py": CODE}, "there is no __init__.py"),
        ({"__init__.py": "def process_writes(a, b, c): pass"}, "the plugin does not define process_scheduled_call"),
        (None, "larger than a mebibyte"),
        ("\ufeff" + CODE, "it has a byte order mark"),
        ("def f(:", "invalid syntax"),
    ],
)
def test_code_that_a_program_cannot_hold_stays_on_the_server(
    files: str | dict[str, str | None] | None, reason: str
) -> None:
    name = "p" if isinstance(files, dict) else "p.py"
    declared, program = written(trigger("t", name), p=files)

    assert reason in declared.kept[name]
    assert declared.plugins == {}
    assert f'    plugin_filename="{name}",' in program.text


def test_hidden_files_of_a_directory_are_left_out() -> None:
    declared, _ = written(trigger("t", "p"), p={"__init__.py": CODE, ".DS_Store": None, "x.pyc": None})

    assert set(declared.plugins["p"].files) == {"__init__.py"}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (trigger("t", on='{"schedule":{"schedule":"0 0 6 L * *"}}'), "'L' has no meaning"),
        (trigger("t", on='{"every":{"duration":{"secs":0,"nanos":5000000}}}'), "shorter than a second"),
        (trigger("t", on='{"new":1}'), "upgrade pulumi-influxdb3-engine"),
        (trigger("t", error_behavior="new"), "error_behavior"),
        (trigger("t__pulumi_candidate"), "reserved for candidates"),
        (trigger("t", "../p.py"), "stays inside the plugin directory"),
        (trigger("t", db="no_such_thing!"), "a database name"),
    ],
)
def test_what_no_program_can_declare_unchanged_is_named(found: FoundTrigger, reason: str) -> None:
    declared, program = written(found)

    assert declared.triggers == []
    assert any(reason in text for text in declared.omitted.values()), declared.omitted
    assert "# Not in this program:" in program.text
    ast.parse(program.text)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 6 * * 1-5", "0 0 6 * * SUN-THU"),
        ("@daily", "0 0 0 * * *"),
        ("00 00 06 ? * mon-FRI", "0 0 6 * * MON-FRI"),
        ("0 0/30 6-18/2 * jan,DEC *", "0 0/30 6-18/2 * 1,12 *"),
    ],
)
def test_a_cron_expression_in_another_form_is_written_as_the_provider_sends_it(expression: str, expected: str) -> None:
    declared, program = written(trigger("t", on=f'{{"schedule":{{"schedule":"{expression}"}}}}'))

    assert declared.omitted == {}
    assert f'trigger_specification=cron("{expected}"),' in program.text


def test_numbers_for_weekdays_are_named_as_the_server_counts_them() -> None:
    found = trigger("t", on='{"schedule":{"schedule":"0 0 6 * * 1-5"}}')
    embedded = FoundTrigger("metrics", found.live._replace(sunday=0))

    label = "trigger 't' of database 'metrics'"
    assert written(found)[0].reworded == {label: "'cron:0 0 6 * * 1-5' is 'cron:0 0 6 * * SUN-THU'"}
    assert written(embedded)[0].reworded == {label: "'cron:0 0 6 * * 1-5' is 'cron:0 0 6 * * MON-FRI'"}
    assert written(trigger("t", on='{"schedule":{"schedule":"@daily"}}'))[0].reworded == {}


def test_of_two_triggers_on_one_request_path_the_second_is_named() -> None:
    declared, _ = written(trigger("a", on=CALLS), trigger("b", on=CALLS), trigger("c", on=CALLS, disabled=True))

    assert [each.inputs.trigger_name for each in declared.triggers] == ["a", "c"]
    assert (
        "'a' of database 'metrics' serves the same request path"
        in declared.omitted["trigger 'b' of database 'metrics'"]
    )


def test_triggers_of_plugins_that_import_packages_wait_for_the_packages() -> None:
    report = ProbeReport(plugin_directory="/p", distributions={"numpy": "2.1"})
    found = content(trigger("a"), trigger("b", "q.py"), p=CODE, q=f"import numpy\n{CODE}")
    program = write_program(declare(ServerContent(found.databases, found.triggers, found.code, {}, report)))

    assert 'packages = PackageSet("packages", packages=["numpy==2.1"])' in program.text
    assert program.text.count("opts=pulumi.ResourceOptions(depends_on=[packages])") == 1


@given(st.text())
def test_a_literal_is_the_text(text: str) -> None:
    assert ast.literal_eval(literal(text)) == text
    assert literal(text).isprintable()


_NAMES = st.text("ab\"'\\ é", max_size=30)
_EXPRESSIONS = st.recursive(
    st.builds(literal, _NAMES),
    lambda inner: st.one_of(
        st.builds(list_of, st.lists(inner, min_size=1, max_size=4)),
        st.builds(dict_of, st.lists(st.tuples(_NAMES, inner), min_size=1, max_size=4, unique_by=lambda pair: pair[0])),
        st.builds(lambda items: call("some_function", *items[:1], named=items[-1]), st.lists(inner, min_size=1)),
    ),
    max_leaves=12,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(_EXPRESSIONS, min_size=1, max_size=20))
def test_the_source_is_as_ruff_formats_it(expressions: list[object]) -> None:
    text = "".join(f"{assignment('name', each)}\n" for each in expressions)  # type: ignore[arg-type]

    assert ruff(text, "format") == text


def test_a_retention_period_is_a_comment_at_its_database() -> None:
    found = ServerContent(["logs", "metrics"], [], retention={"metrics": 7 * 86_400 * 10**9, "other": 1})
    declared = declare(found)

    assert declared.retention == {"metrics": "7d"}
    assert write_program(declared).text.endswith(
        """
logs = Database("logs")
# The server keeps rows of "metrics" for 7d. A Database does not set that.
metrics = Database("metrics")
"""
    )


@pytest.mark.parametrize(
    ("answer", "periods"),
    [
        (
            httpx.Response(200, json=[{"database_name": "a", "retention_period_ns": 5}, {"database_name": "b"}]),
            {"a": 5},
        ),
        (httpx.Response(200, json=[]), {}),
        (httpx.Response(400, text="Error during planning: table 'public.system.databases' not found"), None),
        (httpx.Response(500, text="no"), None),
        (httpx.Response(200, json=[{"name": "a"}]), None),
    ],
)
def test_retention_periods_are_unknown_if_the_server_does_not_list_them(
    answer: httpx.Response, periods: dict[str, int] | None
) -> None:
    client = EngineClient("http://127.0.0.1:1", transport=httpx.MockTransport(lambda _request: answer))

    assert retention_periods(client) == periods
