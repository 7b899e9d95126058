"""No name in a request leads out of the directories or breaks the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_embedded.services.names import DatabaseNameError, check_database_name
from influxdb3_engine_api import paths

if TYPE_CHECKING:
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine

SETTINGS = {"run_async": False, "error_behavior": "log"}
CONTENT = "def process_request(influxdb3_local, q, h, b, args=None):\n    return 'in'\n"

BOTH = """
def process_writes(influxdb3_local, table_batches, args=None):
    influxdb3_local.cache.put("k", 1)

def process_scheduled_call(influxdb3_local, call_time, args=None):
    influxdb3_local.cache.put("k", 1)
"""

ESCAPES = {
    "parent": "../outside.py",
    "inner dots": "inner/../../outside.py",
    "dots that stay inside": "inner/../inside.py",
    "absolute": "/etc/passwd",
    "root": "/",
    "only dots": "..",
    "symbolic link": "link/outside.py",
    "link to a file": "linked.py",
}
BROKEN = {
    "empty": "",
    "a directory": "inner",
    "NUL": "a\0b.py",
    "over-long": "x" * 5000,
    "over-long part": f"{'x' * 300}/a.py",
    "below a file": "file.py/a.py",
}
ENCODED = ["%2e%2e/outside.py", "..%2foutside.py", "%2fetc%2fpasswd", "..\\outside.py", "inner%00.py"]
WRONG_NAMES = [*ESCAPES.values(), "%2e%2e", "a\0b", "x" * 5000]


@pytest.fixture(autouse=True)
def surroundings(engine: RunningEngine, tmp_path: Path) -> Path:
    """A plugin directory with symbolic links that lead out of it."""
    plugins = engine.plugin_dir
    (plugins / "inner").mkdir(exist_ok=True)
    (plugins / "file.py").write_text(CONTENT)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "outside.py").write_text(CONTENT)
    for name, target in (("link", outside), ("linked.py", outside / "outside.py")):
        (plugins / name).unlink(missing_ok=True)
        (plugins / name).symlink_to(target)
    return outside


def post(http: httpx.Client, path: str, body: dict[str, Any], method: str = "POST") -> httpx.Response:
    return http.request(method, path, json=body)


def assert_refused(answer: httpx.Response, reason: str = "") -> None:
    assert answer.status_code == 400, answer.text
    assert reason in answer.json()["error"]


@pytest.mark.parametrize("name", ESCAPES.values(), ids=ESCAPES)
def test_no_plugin_file_is_written_outside_the_plugin_directory(
    http: httpx.Client, surroundings: Path, name: str
) -> None:
    assert_refused(post(http, paths.PLUGIN_FILES, {"plugin_name": name, "content": "evil"}), "Path traversal detected")
    assert (surroundings / "outside.py").read_text() == CONTENT
    assert [path.name for path in surroundings.iterdir()] == ["outside.py"]


@pytest.mark.parametrize("name", ENCODED)
def test_encoded_dots_and_slashes_are_plain_characters_of_a_name(
    http: httpx.Client, engine: RunningEngine, surroundings: Path, name: str
) -> None:
    assert post(http, paths.PLUGIN_FILES, {"plugin_name": name, "content": "inside"}).status_code == 200
    assert (engine.plugin_dir / name).read_text() == "inside"
    assert (surroundings / "outside.py").read_text() == CONTENT


@pytest.mark.parametrize("name", BROKEN.values(), ids=BROKEN)
def test_an_invalid_name_of_a_plugin_file_is_an_error(http: httpx.Client, name: str) -> None:
    assert_refused(post(http, paths.PLUGIN_FILES, {"plugin_name": name, "content": "x"}), "reading plugin file: ")


@pytest.mark.parametrize("name", [*ESCAPES.values(), *BROKEN.values()], ids=[*ESCAPES, *BROKEN])
def test_a_trigger_with_an_invalid_plugin_name_is_refused(http: httpx.Client, database: str, name: str) -> None:
    body = {
        "db": database,
        "plugin_filename": name,
        "trigger_name": "t",
        "trigger_settings": SETTINGS,
        "trigger_specification": "request:names",
        "disabled": False,
    }
    assert_refused(post(http, paths.TRIGGER, body), "Plugin error: ")


@pytest.mark.parametrize("name", [*ESCAPES.values(), *BROKEN.values()], ids=[*ESCAPES, *BROKEN])
@pytest.mark.parametrize("path", [paths.PLUGIN_TEST_WAL, paths.PLUGIN_TEST_SCHEDULE])
def test_a_dry_run_with_an_invalid_plugin_name_is_refused(
    http: httpx.Client, database: str, path: str, name: str
) -> None:
    body = {"filename": name, "database": database, "input_lp": ""}
    assert_refused(post(http, path, body), "Plugin error: ")


@pytest.mark.parametrize("name", [*ESCAPES.values(), *BROKEN.values()], ids=[*ESCAPES, *BROKEN])
def test_a_plugin_directory_with_an_invalid_file_name_is_refused(
    http: httpx.Client, engine: RunningEngine, database: str, surroundings: Path, name: str
) -> None:
    package = engine.plugin_dir / database
    engine.client.create_plugin_file(f"{database}/__init__.py", CONTENT)
    body = {
        "db": database,
        "plugin_filename": database,
        "trigger_name": f"names of {database}",
        "trigger_settings": SETTINGS,
        "trigger_specification": "all_tables",
        "disabled": True,
    }
    assert post(http, paths.TRIGGER, body).status_code == 200
    for link, target in (("link", surroundings), ("linked.py", surroundings / "outside.py")):
        (package / link).symlink_to(target)
    files = [{"relative_path": "__init__.py", "content": CONTENT}, {"relative_path": name, "content": "evil"}]
    answer = post(http, paths.PLUGIN_DIRECTORY, {"plugin_name": body["trigger_name"], "files": files}, "PUT")
    # the new directory has no links: a name that led through a link is an ordinary name
    assert answer.status_code in (200, 400), answer.text
    assert (package / "__init__.py").read_text() == CONTENT
    assert [path.name for path in surroundings.iterdir()] == ["outside.py"]
    assert (surroundings / "outside.py").read_text() == CONTENT


@pytest.mark.parametrize("name", [*ESCAPES.values(), *BROKEN.values()], ids=[*ESCAPES, *BROKEN])
def test_a_plugin_update_needs_the_name_of_a_trigger(http: httpx.Client, name: str) -> None:
    for path, body in (
        (paths.PLUGIN_FILES, {"plugin_name": name, "content": "x"}),
        (paths.PLUGIN_DIRECTORY, {"plugin_name": name, "files": []}),
    ):
        answer = post(http, path, body, "PUT")
        assert answer.status_code == 500
        assert answer.json()["error"] == f"Processing engine error: plugin error: Plugin not found: {name}"


@pytest.mark.parametrize("name", [*ESCAPES.values(), "..", "a\0b", "ü", " ", "-", "'; DROP", "x" * 512])
def test_an_invalid_database_name_is_refused(http: httpx.Client, name: str) -> None:
    assert_refused(post(http, paths.DATABASE, {"db": name}))
    assert_refused(http.post(paths.WRITE_LP, params={"db": name}, content=b"cpu v=1"))
    assert_refused(post(http, paths.TABLE, {"db": name, "table": "t", "tags": [], "fields": []}))


@pytest.mark.parametrize("name", [*ESCAPES.values(), "a\0b", "it's", 'say "so"', "x" * 5000, "ünï", " "])
def test_a_trigger_may_have_any_name(http: httpx.Client, engine: RunningEngine, database: str, name: str) -> None:
    body = {
        "db": database,
        "plugin_filename": "file.py",
        "trigger_name": name,
        "trigger_settings": SETTINGS,
        "trigger_specification": "request:any",
        "trigger_arguments": {name: name},
        "disabled": False,
    }
    assert post(http, paths.TRIGGER, body).status_code == 200
    assert [row.trigger_name for row in engine.client.triggers(database)] == [name]
    assert engine.client.trigger_arguments(database) == {name: {name: name}}
    engine.client.delete_trigger(database, name, force=True)


@pytest.mark.parametrize("name", [*ESCAPES.values(), "a\0b", "x" * 5000])
def test_a_table_may_have_any_name_and_is_stored_in_the_data_directory(
    http: httpx.Client, database: str, name: str
) -> None:
    body = {"db": database, "table": name, "tags": [name], "fields": []}
    assert post(http, paths.TABLE, body).status_code == 200
    assert http.delete(paths.TABLE, params={"db": database, "table": name}).status_code == 200


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_a_database_with_an_invalid_name_is_not_found(http: httpx.Client, name: str) -> None:
    for answer in (
        http.delete(paths.DATABASE, params={"db": name}),
        http.put(paths.DATABASE, json={"db": name, "retention_period": "1d"}),
        http.delete(paths.TABLE, params={"db": name, "table": "t"}),
        http.get(paths.QUERY_SQL, params={"db": name, "q": "SELECT 1"}),
        http.post(paths.TRIGGER_ENABLE, params={"db": name, "trigger_name": name}),
        http.post(paths.TRIGGER_DISABLE, params={"db": name, "trigger_name": name}),
        http.delete(paths.TRIGGER, params={"db": name, "trigger_name": name}),
    ):
        assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_a_write_to_an_invalid_database_name_is_refused(http: httpx.Client, name: str) -> None:
    line = b"cpu v=1"
    assert_refused(http.post(paths.WRITE_V1, params={"db": name}, content=line))
    assert_refused(http.post(paths.WRITE_V1, params={"db": "d", "rp": name}, content=line))
    assert_refused(http.post(paths.WRITE_V2, params={"bucket": name}, content=line))


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_a_dry_run_refuses_an_invalid_database_name_and_accepts_any_cache_name(
    http: httpx.Client, database: str, name: str
) -> None:
    post(http, paths.PLUGIN_FILES, {"plugin_name": "both.py", "content": BOTH})
    wal, schedule = {"input_lp": ""}, {"schedule": "* * * * * *"}
    for path, content in ((paths.PLUGIN_TEST_WAL, wal), (paths.PLUGIN_TEST_SCHEDULE, schedule)):
        refused = post(http, path, {"filename": "both.py", "database": name, **content})
        assert refused.json()["errors"] in ([f"invalid database {name}"], ["couldn't find db"])
        body = {"filename": "both.py", "database": database, "cache_name": name, **content}
        assert post(http, path, body).json()["errors"] == []


@pytest.mark.parametrize("path", ["..%2f..%2fhealth", "%2e%2e/x", "//x", "a%00b", "x" * 5000])
def test_a_request_path_is_not_decoded(http: httpx.Client, path: str) -> None:
    url = httpx.URL(str(http.base_url)).copy_with(raw_path=paths.engine(path).encode())
    answer = http.get(url)
    assert (answer.status_code, answer.json()) == (404, {"error": "not found"})


@pytest.mark.parametrize("name", ["gh:../secret.py", "gh:%2e%2e/secret.py", "gh:a/..\\b.py", "gh:/../x"])
def test_a_plugin_of_the_repository_is_not_read_outside_it(http: httpx.Client, database: str, name: str) -> None:
    body = {"filename": name, "database": database, "input_lp": ""}
    assert_refused(post(http, paths.PLUGIN_TEST_WAL, body), "Path traversal detected")


@pytest.mark.parametrize("location", ["../missing.txt", "/nowhere/missing.txt", "missing.txt", "", "-", "a\0b"])
def test_a_missing_requirements_file_is_an_error(http: httpx.Client, location: str) -> None:
    assert_refused(post(http, paths.INSTALL_REQUIREMENTS, {"requirements_location": location}))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "db name cannot be empty"),
        ("_x", "db name did not start with a number or letter"),
        ("-x", "db name did not start with a number or letter"),
        ("ü", "invalid character in database or rp name"),
        ("a b", "invalid character in database or rp name"),
        ("a/b", "invalid character in database or rp name"),
        ("x" * 512, "db name too long: max 511"),
    ],
)
def test_the_errors_of_database_names_are_those_of_a_real_server(name: str, reason: str) -> None:
    with pytest.raises(DatabaseNameError) as caught:
        check_database_name(name)
    assert caught.value.text.startswith(reason)


@pytest.mark.parametrize("name", ["a/", "a/b/c", "a//b"])
def test_a_database_name_has_at_most_one_retention_policy(name: str) -> None:
    with pytest.raises(DatabaseNameError, match="of form '<db_name>/<rp_name>'"):
        check_database_name(name, retention_policy=True)


@pytest.mark.parametrize("name", ["a", "9", "a_b-c", "x" * 511])
def test_letters_digits_underscores_and_hyphens_are_valid_in_a_database_name(name: str) -> None:
    check_database_name(name)
    check_database_name(f"{name[:100]}/autogen", retention_policy=True)
