"""Which arguments' values count as secrets."""

from __future__ import annotations

import secrets

import pytest

from influxdb3_engine_export.secret_values import looks_secret


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "API_TOKEN",
        "influxdbToken",
        "password",
        "smtp-password",
        "client_secret",
        "api_key",
        "apiKey",
        "key",
        "slack_webhook",
        "webhookUrl",
        "credentials",
        "auth",
        "basic_auth",
        "passphrase",
        "pwd",
        "dsn",
    ],
)
def test_a_name_tells_a_secret(name: str) -> None:
    assert looks_secret(name, "abc")


@pytest.mark.parametrize("name", ["author", "monkey", "threshold", "target_database", "keyword", "patience", "bypass"])
def test_other_names_do_not(name: str) -> None:
    assert not looks_secret(name, "abc")


@pytest.mark.parametrize("value", ["true", "False", "", " none "])
def test_a_switch_is_no_secret_whatever_its_name(value: str) -> None:
    assert not looks_secret("use_auth", value)


@pytest.mark.parametrize(
    "value",
    [
        "apiv3_0123456789abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N",
        "Bearer xyz",
        "https://user:word@host/path",
        "postgresql://reader@db/metrics",
        "https://host/path?api_key=1",
        "https://hooks.slack.com/services/T0/B0/x",
        "ghp_abcdefghij0123456789",
        "-----BEGIN RSA PRIVATE KEY-----\nabc",
        "prefix=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_a_form_tells_a_secret(value: str) -> None:
    assert looks_secret("x", value)


@pytest.mark.parametrize(
    "value",
    [
        "http://host:8181/api/v3/write_lp?db=metrics",
        "SELECT usage_percent FROM cpu WHERE time > now() - INTERVAL '5 minutes'",
        "cpu_usage_downsampled_5m_average_by_host",
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "2026-01-01T00:00:00.000000000Z",
        "influxdata/downsampler/downsampler.py",
        "processScheduledCallHandlerOfAllTables",
        "20260101000000000000000000",
        "usage_user:usage_system:usage_idle",
        "user@example.com",
    ],
)
def test_usual_values_are_no_secrets(value: str) -> None:
    assert not looks_secret("x", value)


def test_random_text_is_a_secret() -> None:
    found = [looks_secret("x", make(32)) for make in (secrets.token_hex, secrets.token_urlsafe) for _ in range(200)]

    assert found.count(False) <= 4
