"""Validation of request bodies."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from influxdb3_engine_api import CreateTrigger, ErrorBehavior, TriggerSettings

BODY: dict[str, Any] = {
    "db": "db",
    "plugin_filename": "p.py",
    "trigger_name": "t",
    "trigger_settings": {"run_async": True, "error_behavior": "retry"},
    "trigger_specification": "every:1s",
    "disabled": False,
}


@pytest.mark.parametrize(
    "settings",
    ["retry", '{"run_async": false, "error_behavior": "retry"}', {"run_async": False, "error_behavior": "retry"}],
)
def test_settings_may_be_an_object_or_a_text_as_in_the_published_api(settings: object) -> None:
    trigger = CreateTrigger.model_validate(BODY | {"trigger_settings": settings})

    assert trigger.trigger_settings == TriggerSettings(run_async=False, error_behavior=ErrorBehavior.RETRY)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("trigger_settings", "Log"),
        ("trigger_settings", {}),
        ("trigger_settings", {"run_async": "false", "error_behavior": "log"}),
        ("trigger_settings", {"run_async": False, "error_behavior": "Log"}),
        ("trigger_arguments", {"threshold": 80}),
        ("disabled", "false"),
        ("db", 1),
        ("db", None),
    ],
)
def test_types_are_not_coerced(member: str, value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        CreateTrigger.model_validate(BODY | {member: value})
    assert refused.value.errors()[0]["loc"][0] == member


def test_unknown_members_are_ignored() -> None:
    assert CreateTrigger.model_validate(BODY | {"comment": "x"}) == CreateTrigger.model_validate(BODY)
