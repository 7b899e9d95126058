"""What the adapter makes of Pulumi's values: numbers come as doubles, some values are not known yet."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import struct_pb2
from pulumi.runtime import rpc

from influxdb3_engine_resources import program
from influxdb3_engine_resources.configuration import Configuration, Servers
from influxdb3_engine_resources.triggers.logic import TriggerLogic
from pulumi_influxdb3_engine._adapter import PROVIDER, Adapter

TRIGGER: dict[str, Any] = {
    "db": "db",
    "trigger_name": "t",
    "plugin_filename": "p.py",
    "trigger_specification": "every:1s",
}


@pytest.fixture(autouse=True)
def program_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test has declared anything before, as in a process of its own."""
    monkeypatch.setattr(program, "_programs", {})


def travelled(properties: dict[str, Any]) -> dict[str, Any]:
    """Properties as they reach the provider's process."""
    message = struct_pb2.Struct()
    message.update(properties)
    arrived: dict[str, Any] = rpc.deserialize_properties(message, keep_unknowns=True)
    return arrived


def checked(properties: dict[str, Any]) -> dict[str, Any]:
    """The properties after ``check``."""
    result = Adapter(TriggerLogic(), {}, Servers(Configuration())).check({}, travelled(properties))
    assert result.failures == []
    inputs: dict[str, Any] = result.inputs
    return inputs


def test_numbers_travel_as_doubles() -> None:
    assert repr(travelled({"a": 5})["a"]) == "5.0"


@pytest.mark.parametrize(
    ("value", "text"), [(5, "5"), (-3, "-3"), (0, "0"), (2.5, "2.5"), (10**15, "1000000000000000"), (True, "true")]
)
def test_a_number_in_arguments_becomes_text(value: float, text: str) -> None:
    assert checked(TRIGGER | {"trigger_arguments": {"a": value}})["trigger_arguments"] == {"a": text}


def test_doubles_become_whole_numbers_at_any_depth() -> None:
    watch = checked(TRIGGER | {"watch": {"seconds": 2.5, "runs": 3}})["watch"]
    assert (watch["seconds"], repr(watch["runs"])) == (2.5, "3")


@pytest.mark.parametrize("property_", ["db", "plugin_filename", "trigger_specification"])
def test_an_unknown_value_stays_unknown(property_: str) -> None:
    assert checked(TRIGGER | {property_: rpc.UNKNOWN})[property_] == rpc.UNKNOWN


def test_a_nested_unknown_value_stays_unknown() -> None:
    given = TRIGGER | {"trigger_arguments": {"a": rpc.UNKNOWN, "b": "1"}, "node_spec": [rpc.UNKNOWN]}
    inputs = checked(given)
    assert inputs["trigger_arguments"] == {"a": rpc.UNKNOWN, "b": "1"}
    assert inputs["node_spec"] == [rpc.UNKNOWN]


def test_the_providers_own_member_is_not_a_property() -> None:
    assert PROVIDER not in checked(TRIGGER | {PROVIDER: "the pickled provider"})
    result = Adapter(TriggerLogic(), {}, Servers(Configuration())).check(
        {}, travelled(TRIGGER | {PROVIDER: "p", "db": ""})
    )
    assert result.failures
    assert PROVIDER not in result.inputs
