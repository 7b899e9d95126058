"""Inputs: unknowns pass, failures name the property and never the value."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from influxdb3_engine_resources.errors import InvalidInputs
from influxdb3_engine_resources.inputs import UNKNOWN, Inputs, is_known
from influxdb3_engine_resources.packages.package_set import PackageSetInputs
from influxdb3_engine_resources.plugins.directory import PluginDirectoryInputs
from influxdb3_engine_resources.plugins.file import PluginFileInputs
from influxdb3_engine_resources.triggers.inputs import TriggerInputs

TRIGGER: dict[str, Any] = {
    "db": "db",
    "trigger_name": "t",
    "plugin_filename": "p.py",
    "trigger_specification": "every:1s",
}


def failures(inputs: type[Inputs], properties: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidInputs) as invalid:
        inputs.checked(properties)
    return {failure.property: failure.reason for failure in invalid.value.failures}


@pytest.mark.parametrize(
    "given",
    [
        {"db": UNKNOWN},
        {"trigger_arguments": UNKNOWN},
        {"trigger_arguments": {"threshold": UNKNOWN, "host": "a"}},
        {"trigger_settings": {"run_async": UNKNOWN}},
        {"trigger_settings": UNKNOWN},
        {"node_spec": ["a", UNKNOWN]},
        {"node_spec": UNKNOWN},
        {"disabled": UNKNOWN},
        {"trigger_specification": UNKNOWN},
        {"plugin_filename": UNKNOWN},
    ],
)
def test_an_unknown_value_passes_at_any_depth(given: dict[str, Any]) -> None:
    inputs = TriggerInputs.checked(TRIGGER | given)

    (name,) = given
    assert inputs.properties()[name] == given[name]
    assert not inputs.known(name)


@pytest.mark.parametrize(
    ("given", "failure"),
    [
        ({"db": 5}, {"db": "a text is needed, not a number"}),
        ({"disabled": "yes"}, {"disabled": "True or False is needed, not a text"}),
        ({"trigger_arguments": ["a"]}, {"trigger_arguments": "a mapping is needed, not a list"}),
        (
            {"trigger_arguments": {"a": {"b": 1}}},
            {"trigger_arguments.a": "plugins get only text: pass json.dumps(VALUE), and use json.loads in the plugin"},
        ),
        ({"trigger_settings": "retry"}, {"trigger_settings": "TriggerSettings(...) is needed, not a text"}),
        (
            {"trigger_settings": {"error_behavior": "again"}},
            {"trigger_settings.error_behavior": "'log', 'retry' or 'disable' is needed"},
        ),
        (
            {"trigger_settings": {"run_async": []}},
            {"trigger_settings.run_async": "True or False is needed, not a list"},
        ),
        ({"watch": {"seconds": 5, "run": 1}}, {"watch.run": "there is no such property"}),
        ({"watch": {"seconds": 0}}, {"watch.seconds": "a number above 0 is needed"}),
        ({"watch": {"seconds": 3601}}, {"watch.seconds": "a number of at most 3600 is needed"}),
        (
            {"watch": {"seconds": float("inf")}},
            {"watch.seconds": "a number that is neither infinite nor NaN is needed"},
        ),
        ({"watch": {"seconds": 5, "runs": 0}}, {"watch.runs": "a number of at least 1 is needed"}),
        *(
            ({"node_spec": nodes}, {"node_spec": "write 'all' or a list of node ids"})
            for nodes in ([], "n1", [1], ["n1", ""], {"nodes": ["n1"]})
        ),
        (
            {"node_spec": ["n\n1"]},
            {"node_spec": "a node id holds a line break or another control character: remove it"},
        ),
        ({"watch": {"seconds": True}}, {"watch.seconds": "a number is needed, not a boolean"}),
        ({"watch": {"seconds": 5, "runs": 1.5}}, {"watch.runs": "a whole number is needed, not a number"}),
    ],
)
def test_a_wrong_type_is_named_in_the_terms_of_a_program(given: dict[str, Any], failure: dict[str, str]) -> None:
    assert failures(TriggerInputs, TRIGGER | given) == failure


def test_an_unknown_property_does_not_hide_an_error_in_another() -> None:
    assert set(failures(TriggerInputs, TRIGGER | {"db": UNKNOWN, "trigger_specification": "cron:x"})) == {
        "trigger_specification"
    }


@pytest.mark.parametrize(
    ("value", "known"),
    [
        (UNKNOWN, False),
        ([{"a": [UNKNOWN]}], False),
        ({"a": {"b": UNKNOWN}}, False),
        ((1, UNKNOWN), False),
        ({"a": [1, "x", None]}, True),
        ("UNKNOWN", True),
    ],
)
def test_a_value_is_known_if_all_that_it_holds_is(value: object, known: bool) -> None:
    assert is_known(value) is known


@pytest.mark.parametrize(
    ("inputs", "given", "path"),
    [
        (TriggerInputs, TRIGGER | {"trigger_arguments": {"threshold": [1]}}, "trigger_arguments.threshold"),
        (TriggerInputs, TRIGGER | {"trigger_arguments": {"max temp": None}}, 'trigger_arguments["max temp"]'),
        (TriggerInputs, TRIGGER | {"trigger_settings": {"error_behavior": "Log"}}, "trigger_settings.error_behavior"),
        (TriggerInputs, TRIGGER | {"trigger_settings": {"run_async": "yes"}}, "trigger_settings.run_async"),
        (TriggerInputs, TRIGGER | {"disabled": "true"}, "disabled"),
        (TriggerInputs, TRIGGER | {"trigger_specification": "every:2y"}, "trigger_specification"),
        (PackageSetInputs, {"packages": ["psutil", "not a package"]}, "packages[1]"),
        (PluginFileInputs, {"plugin_name": "../p.py", "content": ""}, "plugin_name"),
        (PluginDirectoryInputs, {"plugin_name": "p", "files": {"./../p.py": ""}}, 'files["./../p.py"]'),
        (PluginDirectoryInputs, {"plugin_name": "p", "files": {"./p.py": 5}}, 'files["./p.py"]'),
    ],
)
def test_a_failure_names_the_path_of_the_property(inputs: type[Inputs], given: dict[str, Any], path: str) -> None:
    assert set(failures(inputs, given)) == {path}


def test_every_invalid_property_is_named_at_once() -> None:
    assert failures(TriggerInputs, {"trigger_specification": "cron:* * * * *"}) == {
        "db": "a value is required",
        "trigger_name": "a value is required",
        "plugin_filename": "a value is required",
        "trigger_specification": (
            "'cron:* * * * *': cron has six fields (second minute hour day-of-month month day-of-week), "
            "this has five: put the second in front, '0 * * * * *'"
        ),
    }


@pytest.mark.parametrize(
    ("inputs", "given"),
    [
        (TriggerInputs, TRIGGER | {"trigger_arguments": {"password": ["hunter2"]}}),
        (TriggerInputs, TRIGGER | {"trigger_arguments": "hunter2"}),
        (TriggerInputs, TRIGGER | {"trigger_settings": {"error_behavior": "hunter2"}}),
        (TriggerInputs, TRIGGER | {"trigger_name": ["hunter2"]}),
        (PluginFileInputs, {"plugin_name": "p.py", "content": {"a": "hunter2"}}),
        (PackageSetInputs, {"packages": ["a @@ https://user:hunter2@index.example/a.whl"]}),
        (PackageSetInputs, {"requirements": "a @@ https://user:hunter2@index.example/a.whl"}),
    ],
)
def test_a_failure_does_not_repeat_a_value_that_may_be_secret(inputs: type[Inputs], given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputs) as invalid:
        inputs.checked(given)

    assert "hunter2" not in str(invalid.value)
    assert "hunter2" not in repr(invalid.value.failures)
    assert invalid.value.__suppress_context__  # the cause, which repeats it, is not shown


@pytest.mark.parametrize(
    ("value", "text"), [(80, "80"), (80.5, "80.5"), (True, "true"), (False, "false"), ("80", "80"), ("", "")]
)
def test_an_argument_becomes_the_text_that_the_server_takes(value: object, text: str) -> None:
    inputs = TriggerInputs.checked(TRIGGER | {"trigger_arguments": {"threshold": value}})

    assert inputs.properties()["trigger_arguments"] == {"threshold": text}


def test_derived_properties_cannot_be_set_by_a_program() -> None:
    inputs = PluginFileInputs.checked({"plugin_name": "p.py", "content": "", "content_sha256": "mine"})

    assert inputs.content_sha256 is None


def test_invalid_stored_inputs_are_kept() -> None:
    stored = TRIGGER | {"trigger_specification": "cron:0 0 0 * * * 2030", "added_later": 1}

    assert TriggerInputs.stored(stored).properties()["trigger_specification"] == "cron:0 0 0 * * * 2030"


def test_a_state_that_lacks_a_property_is_refused_without_showing_the_others() -> None:
    with pytest.raises(InvalidInputs) as lacking:
        TriggerInputs.stored({"db": "db", "trigger_name": "t", "trigger_arguments": {"password": "hunter2"}})

    assert {failure.property for failure in lacking.value.failures} == {"plugin_filename", "trigger_specification"}
    assert "hunter2" not in str(lacking.value)


def test_settings_left_out_get_their_defaults() -> None:
    inputs = TriggerInputs.checked(TRIGGER | {"trigger_settings": {"error_behavior": "retry"}})

    assert inputs.properties()["trigger_settings"] == {"run_async": False, "error_behavior": "retry"}
    assert TriggerInputs.checked(TRIGGER).properties()["trigger_settings"] == {
        "run_async": False,
        "error_behavior": "log",
    }


def test_values_of_an_input_cannot_be_changed() -> None:
    inputs = TriggerInputs.checked(TRIGGER)

    with pytest.raises(ValidationError, match="frozen"):
        inputs.db = "other"  # what the test is about


@pytest.mark.parametrize("seconds", [3600, 0.001])
def test_the_bounds_of_a_watch_are_allowed(seconds: float) -> None:
    assert TriggerInputs.checked(TRIGGER | {"watch": {"seconds": seconds, "runs": 1}}).watch is not None
