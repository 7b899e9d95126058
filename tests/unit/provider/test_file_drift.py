"""Files that somebody changed, deleted or put there by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import InvalidInputs, ResourceError
from influxdb3_engine_resources.plugins.directory import PluginDirectoryInputs, PluginDirectoryLogic
from influxdb3_engine_resources.plugins.file import PluginFileInputs, PluginFileLogic
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.properties import files_property

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fake_server import FakeServer

    from influxdb3_engine_resources.resource import Live

FILE = PluginFileLogic()
DIRECTORY = PluginDirectoryLogic()
NO_DRY_RUNS = httpx.Response(500, text="Plugin error: Node not configured with plugin directory")


def plugin_file(name: str = "p.py", content: str = "x = 1\n", **properties: Any) -> PluginFileInputs:
    given = {"plugin_name": name, "content": content} | properties
    return FILE.check(PluginFileInputs.checked(given), Program(Configuration()))


def directory(files: dict[str, str] | None = None, **properties: Any) -> PluginDirectoryInputs:
    given = {"plugin_name": "alerts", "files": files_property(files or {"__init__.py": ""})} | properties
    return DIRECTORY.check(PluginDirectoryInputs.checked(given), Program(Configuration()))


def put(server: FakeServer, content: str | bytes, name: str = "p.py") -> None:
    data = content.encode() if isinstance(content, str) else content
    (server.plugin_directory / name).write_bytes(data)


def read(server: FakeServer, outputs: Mapping[str, Any] | None = None) -> Live[PluginFileInputs]:
    """What a refresh of the file, in a process of its own, finds."""
    live = FILE.read(plugin_file(), dict(outputs or {}), server.engine())
    assert live is not None
    return live


def test_a_refresh_of_many_files_is_one_request_after_the_probe_is_written(server: FakeServer) -> None:
    names = [f"p{number}.py" for number in range(10)]
    FILE.create(plugin_file(names[0]), server.engine())
    for name in names:
        put(server, "x = 1\n", name)
    server.requests.clear()
    engine = server.engine()

    live = [FILE.read(plugin_file(name), {}, engine) for name in names]

    assert [each and each.inputs for each in live] == [plugin_file(name) for name in names]
    assert [request.partition("_")[0] for request in server.requests] == ["write .pulumi/probe", "probe"]


def test_an_edit_by_hand_is_read_with_one_more_request(server: FakeServer) -> None:
    FILE.create(plugin_file(), server.engine())
    put(server, "edited = 1\n")
    server.requests.clear()

    live = read(server)

    assert live.inputs.content == "edited = 1\n"
    assert plugin_file().changed(live.inputs) == {"content", "content_sha256"}
    assert [request.partition("_")[0] for request in server.requests] == ["write .pulumi/probe", "probe", "probe"]


def test_a_file_that_was_deleted_by_hand_is_gone(server: FakeServer) -> None:
    assert FILE.read(plugin_file(), {}, server.engine()) is None


@pytest.mark.parametrize(
    ("content", "shown"),
    [(b"\xff\xfe", "# 2 bytes: too large to show, or not UTF-8"), (b"#" * 2_000_000, "# 2000000 bytes:")],
)
def test_content_that_cannot_be_shown_differs_from_the_declared_content(
    server: FakeServer, content: bytes, shown: str
) -> None:
    put(server, content)

    assert read(server).inputs.content.startswith(shown)


def test_files_of_a_hidden_directory_are_found(server: FakeServer) -> None:
    hidden = plugin_file(".own/p.py")
    FILE.create(hidden, server.engine())

    live = FILE.read(hidden, {}, server.engine())

    assert live is not None
    assert live.inputs == hidden


@pytest.mark.parametrize(("content", "drifted"), [("x = 1\n", False), ("x = 1000\n", True)])
def test_without_dry_runs_files_are_compared_by_size_with_one_notice(
    server: FakeServer, capsys: pytest.CaptureFixture[str], content: str, drifted: bool
) -> None:
    server.triggers["t"] = {"plugin_filename": "p.py"}
    put(server, content)
    server.failures["probe"] = [NO_DRY_RUNS, NO_DRY_RUNS]
    engine = server.engine()

    live = [FILE.read(plugin_file(), {}, engine) for _ in range(2)]

    assert [each is not None and each.inputs != plugin_file() for each in live] == [drifted, drifted]
    assert capsys.readouterr().err.count("files are compared only by size and time") == 1


def test_without_dry_runs_many_files_need_no_more_requests_than_a_few(server: FakeServer) -> None:
    server.triggers["t"] = {"plugin_filename": "p.py"}
    put(server, "x = 1\n")
    server.failures["probe"] = [NO_DRY_RUNS] * 99
    engine = server.engine()

    for _ in range(20):
        FILE.read(plugin_file(), {}, engine)

    assert [request.partition(" ")[0] for request in server.requests] == ["write", "probe", "query", "dry-run"]


def test_without_dry_runs_a_file_in_another_directory_is_not_taken_for_the_declared_one(server: FakeServer) -> None:
    server.triggers["t"] = {"plugin_filename": "sub/p.py"}
    (server.plugin_directory / "sub").mkdir()
    put(server, "theirs = 1\n", "sub/p.py")
    server.failures["probe"] = [NO_DRY_RUNS]

    assert read(server).inputs == plugin_file()


def test_without_dry_runs_a_later_change_of_the_same_size_is_seen_by_its_time(server: FakeServer) -> None:
    server.triggers["t"] = {"plugin_filename": "p.py"}
    put(server, "x = 1\n")
    server.failures["probe"] = [NO_DRY_RUNS, NO_DRY_RUNS]
    first = read(server)

    again = read(server, {"modified": {"p.py": first.outputs["modified"]["p.py"] - 1}})

    assert first.inputs == plugin_file()
    assert again.inputs.content.startswith("# changed by hand: 6 bytes")


def test_an_unknown_token_is_an_error_and_not_an_unchanged_file(server: FakeServer) -> None:
    server.failures["probe"] = [httpx.Response(401, text='{"error": "the request was not authenticated"}')]

    with pytest.raises(Exception, match="not authenticated"):
        FILE.read(plugin_file(), {}, server.engine())


def test_a_file_that_exists_with_other_content_is_an_error_that_names_adopt(server: FakeServer) -> None:
    put(server, "theirs = 1\n")

    with pytest.raises(ResourceError, match=r"plugin file 'p\.py' exists already and differs .*adopt=True"):
        FILE.create(plugin_file(), server.engine())
    assert server.file("p.py") == "theirs = 1\n"


def test_adopting_a_file_that_differs_overwrites_it(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    put(server, "theirs = 1\n")

    FILE.create(plugin_file(adopt=True), server.engine())

    assert server.file("p.py") == "x = 1\n"
    assert "is adopted: its content is replaced" in capsys.readouterr().err


def test_a_file_that_exists_with_the_same_content_is_adopted_without_a_request(server: FakeServer) -> None:
    put(server, "x = 1\n")

    FILE.create(plugin_file(), server.engine())

    assert "write p.py" not in server.requests


def test_a_preview_shows_what_an_adoption_changes(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    put(server, "theirs = 1\n")

    FILE.check_online(plugin_file(adopt=True), None, server.engine())

    said = capsys.readouterr().err
    assert "will be adopted: 1 of its 1 lines are removed, 1 lines are added" in said
    assert "theirs = 1" not in said  # it may be a secret
    assert server.file("p.py") == "theirs = 1\n"


def test_a_preview_that_asks_the_server_refuses_a_file_that_differs(server: FakeServer) -> None:
    put(server, "theirs = 1\n")

    with pytest.raises(InvalidInputs, match=r"^plugin_name: plugin file 'p\.py' exists already"):
        FILE.check_online(plugin_file(), None, server.engine())
    FILE.check_online(plugin_file(), plugin_file(), server.engine())


def test_without_dry_runs_a_file_that_a_trigger_runs_is_not_overwritten_unseen(server: FakeServer) -> None:
    server.triggers["t"] = {"plugin_filename": "p.py"}
    put(server, "x = 1\n")
    server.failures["probe"] = [NO_DRY_RUNS] * 2

    with pytest.raises(ResourceError, match=r"plugin file 'p\.py' exists already.*adopt=True"):
        FILE.create(plugin_file(), server.engine())
    FILE.create(plugin_file(adopt=True), server.engine())
    assert server.requests[-1] == "write p.py"


def test_a_probe_that_fails_is_an_error(server: FakeServer) -> None:
    put(server, "theirs = 1\n")
    crashed = {"log_lines": [], "database_writes": {}, "errors": ["error executing plugin: MemoryError"]}
    server.failures["probe"] = [httpx.Response(200, json=crashed), httpx.Response(500, text="worker lost")]

    for reason in ("MemoryError", "worker lost"):
        with pytest.raises(ResourceError, match=f"unknown whether http://127.0.0.1:8181 has it: .*{reason}"):
            FILE.create(plugin_file(), server.engine())
    assert server.file("p.py") == "theirs = 1\n"


def test_without_dry_runs_a_file_that_no_trigger_runs_is_written(server: FakeServer) -> None:
    put(server, "theirs = 1\n")
    server.failures["probe"] = [NO_DRY_RUNS]

    FILE.create(plugin_file(), server.engine())

    assert server.file("p.py") == "x = 1\n"


def test_files_of_python_that_were_added_to_a_directory_are_read_and_removed(server: FakeServer) -> None:
    declared = directory()
    DIRECTORY.create(declared, server.engine())
    put(server, "A = 2\n", f"{declared.plugin_filename}/added.py")
    put(server, "{}", f"{declared.plugin_filename}/state.json")  # may be the plugin's own

    live = DIRECTORY.read(declared, {}, server.engine())

    assert live is not None
    assert live.inputs.contents == declared.contents | {"added.py": "A = 2\n"}
    assert DIRECTORY.diff(live.inputs, declared).changes
    DIRECTORY.update(live.inputs, declared, server.engine())
    left = (server.plugin_directory / str(declared.plugin_filename)).iterdir()
    assert {path.name for path in left} == {"__init__.py", "state.json"}


def test_a_file_that_cannot_be_removed_from_a_directory_is_an_error(server: FakeServer) -> None:
    declared = directory()
    DIRECTORY.create(declared, server.engine())
    put(server, "A = 2\n", f"{declared.plugin_filename}/added.py")
    live = DIRECTORY.read(declared, {}, server.engine())
    server.failures["sweeper"] = [httpx.Response(500, text="no space")] * 4

    assert live is not None
    with pytest.raises(
        ResourceError, match=r"still has alerts_\w+/added\.py, which the program does not declare.*no space"
    ):
        DIRECTORY.update(live.inputs, declared, server.engine())


def test_without_dry_runs_a_notice_names_files_that_may_stay(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    before = directory({"__init__.py": "", "a.py": "A = 1\n"}, in_place=True, trigger_name="t")
    server.failures["probe"] = [NO_DRY_RUNS] * 9

    DIRECTORY.update(before, directory(in_place=True, trigger_name="t"), server.engine())

    assert "alerts/a.py may stay on http://127.0.0.1:8181" in capsys.readouterr().err
