"""Names that cannot work are refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from influxdb3_engine_resources.names import (
    DatabaseName,
    PluginDirectoryName,
    PluginFilename,
    PluginPath,
    TriggerName,
    request_path_problem,
)


def refused(kind: Any, name: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(name)
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize("name", ["a", "0", "my-db_1", "A" * 511])
def test_valid_database_names_are_accepted(name: str) -> None:
    assert not refused(DatabaseName, name)


@pytest.mark.parametrize("name", ["", "_a", "-a", "a b", "a/b", "ä", "a.b", "a\n", "A" * 512])
def test_other_database_names_are_refused(name: str) -> None:
    assert refused(DatabaseName, name)


@pytest.mark.parametrize("name", ["t", "cpu alerts", "a/b", "ünï", "x" * 300])
def test_nearly_any_trigger_name_is_accepted(name: str) -> None:
    assert not refused(TriggerName, name)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00", "a\x1b[31m"])
def test_invisible_trigger_names_are_refused(name: str) -> None:
    assert refused(TriggerName, name)


@pytest.mark.parametrize("name", ["p.py", "a/b/p.py", "dir/", "no_extension", "ünï.py", "gh:influxdata/x/x.py"])
def test_valid_plugin_names_are_accepted(name: str) -> None:
    assert not refused(PluginFilename, name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "./", "/", "/etc/p.py", "../p.py", "a/../p.py", "a/..", "a\\p.py", "p\n.py", "p\x00", "é" * 128],
)
def test_plugins_that_the_server_would_not_find_are_refused(name: str) -> None:
    assert refused(PluginFilename, name)


@pytest.mark.parametrize("name", ["gh:", "gh: ", "gh:a\n"])
def test_a_plugin_of_a_repository_is_named_by_its_path(name: str) -> None:
    assert refused(PluginFilename, name)


def test_a_file_cannot_be_written_to_a_repository() -> None:
    assert refused(PluginPath, "gh:influxdata/x/x.py")


@pytest.mark.parametrize("name", ["threshold_alert", "alerts/threshold", "_private", "threshold_alert/"])
def test_directories_that_python_can_import_are_accepted(name: str) -> None:
    assert not refused(PluginDirectoryName, name)


@pytest.mark.parametrize("name", ["threshold-alert", "1st", "a b", "a.b", "ünï", "../a", "gh:a/b"])
def test_directories_that_python_cannot_import_are_refused(name: str) -> None:
    assert refused(PluginDirectoryName, name)


@pytest.mark.parametrize("path", ["report", "a/b", "hello-world", "v1.2/~me_", "..."])
def test_request_paths_without_encoded_characters_are_accepted(path: str) -> None:
    assert request_path_problem(path) is None


@pytest.mark.parametrize(
    "path", ["with space", "ünï", "a?b", "a#b", "a%20b", "a//b", "a/", "a:b", ".", "..", "a/../b", "./a", "a\n"]
)
def test_request_paths_that_no_client_can_call_are_refused(path: str) -> None:
    problem = request_path_problem(path)
    assert problem is not None
    assert repr(path) not in problem or path in (".", "..")  # it may be secret


def test_a_leading_slash_is_answered_with_what_to_write() -> None:
    assert "leave it out" in str(request_path_problem("/report"))


@pytest.mark.parametrize("kind", [PluginPath, PluginFilename])
@pytest.mark.parametrize(
    ("part", "taken"), [("a" * 252 + ".py", True), ("a" * 253 + ".py", False), ("é" * 126 + ".py", True)]
)
def test_a_part_of_a_path_has_at_most_255_bytes(kind: Any, part: str, taken: bool) -> None:
    assert refused(kind, part) is not taken
    assert refused(kind, f"d/{part}") is not taken
    assert refused(kind, f"{part.removesuffix('.py')}/a.py") is False


@pytest.mark.parametrize("name", ["./p.py", "a//p.py", "a/./p.py", "p.py/."])
def test_a_path_has_one_form(name: str) -> None:
    with pytest.raises(ValidationError, match="write the path as"):
        TypeAdapter(PluginPath).validate_python(name)


@pytest.mark.parametrize("kind", [DatabaseName, TriggerName, PluginPath, PluginFilename])
def test_a_valid_name_stays_unchanged(kind: Any) -> None:
    assert TypeAdapter(kind).validate_python("abc") == "abc"


def test_a_name_of_a_plugin_in_a_repository_is_kept_whole() -> None:
    assert TypeAdapter(PluginFilename).validate_python("gh:influxdata/x/x.py") == "gh:influxdata/x/x.py"
