"""Names of variables and resources in an exported program."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from influxdb3_engine_export.naming import Variables, resource_names, slug


@pytest.mark.parametrize(
    ("text", "name"),
    [("Disk-Usage", "disk_usage"), ("Über uns", "uber_uns"), ("5m", "plugin_5m"), ("日本", "plugin"), ("_x_", "x")],
)
def test_a_slug_is_readable(text: str, name: str) -> None:
    assert slug(text, "plugin") == name


@given(st.lists(st.text(max_size=10), max_size=20))
def test_variables_are_unique_names_that_shadow_nothing(texts: list[str]) -> None:
    variables = Variables()
    names = [variables.add(text, "plugin") for text in texts]

    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and not keyword.iskeyword(name) for name in names)
    assert not set(names) & {"all", "config", "every", "pulumi", "request", "table"}


def test_a_trigger_keeps_its_name_if_no_other_database_has_it() -> None:
    owners = [("a", "alert"), ("b", "alert"), ("a", "report"), ("a", "über"), ("b", "a_alert")]

    assert resource_names(owners) == {
        ("a", "alert"): "a_alert_2",
        ("b", "alert"): "b_alert",
        ("a", "report"): "report",
        ("a", "über"): "uber",
        ("b", "a_alert"): "a_alert",
    }


@given(st.sets(st.tuples(st.sampled_from(["a", "b"]), st.text(min_size=1, max_size=5)), max_size=20))
def test_names_of_resources_are_unique(owners: set[tuple[str, str]]) -> None:
    names = resource_names(owners)

    assert names.keys() == owners
    assert len(set(names.values())) == len(owners)
