"""What a preview takes from a plugin's header, its manifest and its schedule."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import InvalidInputs
from influxdb3_engine_resources.inputs import UNKNOWN
from influxdb3_engine_resources.plugins.file import PluginFileInputs, PluginFileLogic
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from collections.abc import Mapping

LOGIC = TriggerLogic()
SCHEDULED = "def process_scheduled_call(influxdb3_local, call_time, args=None): ...\n"
WRITES = "def process_writes(influxdb3_local, table_batches, args=None): ...\n"
WINDOW = {"name": "window", "example": "10s", "description": "Time window.", "required": True}
INTERVAL = {"name": "interval", "example": "7min", "description": "Time interval.", "required": False}
CONFIG = {"name": "config_file_path", "example": "config.toml", "description": "A file.", "required": False}
HEADER = {"plugin_type": ["scheduled"], "scheduled_args_config": [WINDOW, INTERVAL, CONFIG]}


def check(
    header: object,
    arguments: Mapping[str, Any] | None = None,
    *,
    code: str = SCHEDULED,
    specification: str = "every:1h",
    manifest: Mapping[str, Any] | None = None,
) -> None:
    """Check a trigger whose plugin the program declares."""
    text = header if isinstance(header, str) else json.dumps(header, indent=2)
    program = Program(Configuration())
    file = {"plugin_name": "p.py", "content": f'"""\n{text}\n"""\n{code}'} | (
        {"manifest": manifest} if manifest else {}
    )
    PluginFileLogic().check(PluginFileInputs.checked(file), program)
    given: dict[str, Any] = {"db": "db", "trigger_name": "t", "plugin_filename": "p.py"}
    given |= {"trigger_specification": specification} | ({} if arguments is None else {"trigger_arguments": arguments})
    LOGIC.check_new(LOGIC.check(TriggerInputs.checked(given), program), program)


@pytest.mark.parametrize("arguments", [None, {}, {"interval": "5min"}])
def test_a_missing_required_argument_is_refused_with_description_and_example(arguments: dict[str, str] | None) -> None:
    with pytest.raises(InvalidInputs) as refused:
        check(HEADER, arguments)

    assert [each.property for each in refused.value.failures] == ["trigger_arguments"]
    assert str(refused.value).endswith("the plugin requires the argument 'window': Time window. Example: '10s'")


@pytest.mark.parametrize(
    "arguments",
    [{"window": "1h"}, {"window": UNKNOWN}, UNKNOWN, {"config_file_path": "config.toml"}],
)
def test_arguments_that_are_set_unknown_or_in_a_file_pass(arguments: Any, capsys: pytest.CaptureFixture[str]) -> None:
    check(HEADER, arguments)

    assert "argument" not in capsys.readouterr().err


def test_an_argument_that_the_header_lacks_is_a_warning_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    check(HEADER, {"window": "1h", "intervall": "a secret value"})

    warning = capsys.readouterr().err
    assert "has no argument 'intervall': did you mean 'interval'?" in warning
    assert "a secret value" not in warning


def test_a_kind_that_lists_no_arguments_is_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    check({"plugin_type": ["scheduled"]}, {"anything": "1"})
    check({"plugin_type": ["scheduled"], "scheduled_args_config": []}, {"anything": "1"})

    assert "argument" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("header", "manifest", "where"),
    [
        ({"plugin_type": ["onwrite"]}, None, "header"),
        ({"plugin_type": ["scheduled"]}, {"triggers": ["process_writes"]}, "manifest"),
    ],
)
def test_a_kind_that_is_not_listed_is_a_warning(
    header: object, manifest: Mapping[str, Any] | None, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(header, code=SCHEDULED + WRITES, manifest=manifest)

    assert f"its {where} does not list this kind of trigger" in capsys.readouterr().err


def test_a_kind_without_its_entry_point_is_refused() -> None:
    with pytest.raises(InvalidInputs, match="does not define process_writes"):
        check({"plugin_type": ["scheduled"]}, specification="all_tables")


@pytest.mark.parametrize(
    "header",
    [
        '{"plugin_type": ["scheduled"] "x": 1}',
        '{"plugin_type": "scheduled"}',
        '{"plugin_type": ["scheduled"], "scheduled_args_config": [{"required": true}]}',
        '{"args": []}',
        "{" * 10_000,
    ],
)
def test_a_header_that_cannot_be_read_is_one_warning(header: str, capsys: pytest.CaptureFixture[str]) -> None:
    check(header)

    warnings = [line for line in capsys.readouterr().err.splitlines() if "header" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith("influxdb3: p.py: ")


@pytest.mark.parametrize("docstring", ["A plugin.", "", "[1, 2]", "It takes {this}."])
def test_a_docstring_that_is_no_header_is_nothing_to_warn_of(
    docstring: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(docstring)

    assert "header" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("specification", "warned"),
    [
        ("cron:0 0 6 1 * MON", True),
        ("cron:0 0 6 1-15 * MON-FRI", True),
        ("cron:0 0 6 * * MON", False),
        ("cron:0 0 6 1 * *", False),
        ("cron:0 0 6 1-31 * MON", False),
        ("cron:0 0 6 1 * ?", False),
        ("cron:0 0 6 1 * SUN-SAT", False),
        ("every:1h", False),
    ],
)
def test_a_cron_that_restricts_both_days_is_a_warning(
    specification: str, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    check("A plugin.", specification=specification)

    assert ("unlike in a Unix cron" in capsys.readouterr().err) is warned


def test_a_new_schedule_is_one_line_with_its_next_three_runs(capsys: pytest.CaptureFixture[str]) -> None:
    check("A plugin.", specification="cron:0 0 6 1 1 * 2098-2100")

    assert "next runs (UTC): 2098-01-01 06:00:00, 2099-01-01 06:00:00, 2100-01-01 06:00:00" in capsys.readouterr().err


def test_a_schedule_that_never_runs_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    check("A plugin.", specification="cron:0 0 6 1 1 * 2020")

    assert "next runs (UTC): none" in capsys.readouterr().err


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    program = Program(Configuration())
    given = {"db": "db", "trigger_name": "t", "plugin_filename": "p.py"}
    state, inputs = (TriggerInputs.checked({**given, **each}) for each in (before, after))
    LOGIC.check_old(LOGIC.check(inputs, program), state, program)


def test_only_a_schedule_that_changes_is_shown_again(capsys: pytest.CaptureFixture[str]) -> None:
    hourly = {"trigger_specification": "every:1h"}
    changed(hourly, {**hourly, "trigger_arguments": {"a": "b"}})
    changed(hourly, {**hourly, "disabled": True})
    assert "next runs" not in capsys.readouterr().err
    changed({**hourly, "disabled": True}, hourly)
    changed(hourly, {"trigger_specification": "every:2h"})
    assert capsys.readouterr().err.count("next runs") == 2
