"""Files on several hosts: all have the new ones, or all have the old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fake_server import FakeServer, cluster

from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.plugins.directory import PluginDirectoryInputs, PluginDirectoryLogic
from influxdb3_engine_resources.plugins.file import PluginFileInputs, PluginFileLogic
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.properties import files_property

if TYPE_CHECKING:
    from pathlib import Path

FILE = PluginFileLogic()
DIRECTORY = PluginDirectoryLogic()
SOURCE = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"
URLS = ("http://a:1", "http://b:2", "http://c:3")
FULL = httpx.Response(500, text="disk full")


@pytest.fixture
def servers(tmp_path: Path) -> dict[str, FakeServer]:
    found = {}
    for url in URLS:
        directory = tmp_path / url.rpartition("/")[2]
        directory.mkdir()
        found[url] = FakeServer(directory)
    return found


def plugin_file(content: str = "x = 1\n", *, adopt: bool = False) -> PluginFileInputs:
    given = {"plugin_name": "p.py", "content": content, "adopt": adopt}
    return FILE.check(PluginFileInputs.checked(given), Program(Configuration()))


def contents(servers: dict[str, FakeServer]) -> list[str | None]:
    files = [server.plugin_directory / "p.py" for server in servers.values()]
    return [file.read_text() if file.exists() else None for file in files]


def test_a_file_goes_to_every_host(servers: dict[str, FakeServer]) -> None:
    FILE.create(plugin_file(), cluster(servers))

    assert contents(servers) == ["x = 1\n"] * 3


def test_a_host_is_asked_for_what_it_has_before_and_after_a_change(servers: dict[str, FakeServer]) -> None:
    engine = cluster(servers)
    FILE.create(plugin_file(), engine)
    for server in servers.values():
        server.requests.clear()

    FILE.update(plugin_file(), plugin_file("x = 2\n"), engine)

    assert [server.requests for server in servers.values()] == [["probe", "write p.py", "probe"]] * 3


def test_a_new_file_that_one_host_refuses_is_on_no_host(servers: dict[str, FakeServer]) -> None:
    servers["http://c:3"].failures["write p.py"] = [FULL]

    with pytest.raises(ResourceError) as failed:
        FILE.create(plugin_file(), cluster(servers))

    assert contents(servers) == [None] * 3
    assert str(failed.value).startswith("plugin file 'p.py' was not written: http://c:3 failed: p.py: ")
    assert str(failed.value).endswith("disk full. All hosts have the files that they had before")


def test_a_change_that_one_host_refuses_is_put_back(servers: dict[str, FakeServer]) -> None:
    FILE.create(plugin_file(), cluster(servers))
    servers["http://b:2"].failures["write p.py"] = [FULL]

    with pytest.raises(ResourceError, match=r"was not changed: http://b:2 failed: .*had before$"):
        FILE.update(plugin_file(), plugin_file("x = 2\n"), cluster(servers))
    assert contents(servers) == ["x = 1\n"] * 3


def test_an_error_names_the_host_whose_files_could_not_be_put_back(servers: dict[str, FakeServer]) -> None:
    FILE.create(plugin_file(), cluster(servers))
    engine = cluster(servers)
    servers["http://b:2"].failures["write p.py"] = [FULL]
    servers["http://a:1"].failures["write p.py"] = []

    def break_first(body: dict[str, str]) -> httpx.Response:
        servers["http://a:1"].failures["write p.py"] = [FULL] if body["plugin_name"] == "p.py" else []
        return FakeServer._write(servers["http://a:1"], body)

    servers["http://a:1"]._write = break_first  # type: ignore[method-assign]  # fails from its second write on
    with pytest.raises(ResourceError, match=r"could not be put back everywhere: http://a:1: .*disk full"):
        FILE.update(plugin_file(), plugin_file("x = 2\n"), engine)


def test_a_host_that_did_not_put_a_file_back_is_found(servers: dict[str, FakeServer]) -> None:
    FILE.create(plugin_file(), cluster(servers))
    servers["http://b:2"].failures["write p.py"] = [FULL]
    first = servers["http://a:1"]

    def lie_from_now_on(body: dict[str, str]) -> httpx.Response:
        first.failures["write p.py"] = [httpx.Response(200)] if body["plugin_name"] == "p.py" else []
        return FakeServer._write(first, body)

    first._write = lie_from_now_on  # type: ignore[method-assign]
    with pytest.raises(ResourceError, match=r"put back everywhere: http://a:1: p\.py"):
        FILE.update(plugin_file(), plugin_file("x = 2\n"), cluster(servers))


def test_a_host_that_did_not_write_a_file_is_found(servers: dict[str, FakeServer]) -> None:
    servers["http://b:2"].failures["write p.py"] = [httpx.Response(200)]

    with pytest.raises(ResourceError, match=r"http://b:2 failed: p\.py does not have the content that was sent"):
        FILE.create(plugin_file(), cluster(servers))
    assert contents(servers) == [None] * 3


def test_a_host_that_cannot_be_reached_is_found_before_anything_is_changed(servers: dict[str, FakeServer]) -> None:
    servers["http://c:3"].failures["probe"] = [httpx.Response(401)]

    with pytest.raises(ResourceError, match="http://c:3"):
        FILE.create(plugin_file(), cluster(servers))
    assert contents(servers) == [None] * 3


def test_a_file_that_one_host_lacks_is_drift_and_the_next_update_writes_it(servers: dict[str, FakeServer]) -> None:
    FILE.create(plugin_file(), cluster(servers))
    (servers["http://b:2"].plugin_directory / "p.py").unlink()

    live = FILE.read(plugin_file(), {}, cluster(servers))
    assert live is not None
    assert "# not the same on all hosts: " in live.inputs.content
    assert "http://b:2 has no file" in live.inputs.content
    again = FILE.read(live.inputs, {}, cluster(servers))
    assert again is not None
    assert again.inputs == live.inputs

    FILE.update(live.inputs, plugin_file(), cluster(servers))
    assert contents(servers) == ["x = 1\n"] * 3


def test_a_file_that_no_host_has_is_gone(servers: dict[str, FakeServer]) -> None:
    assert FILE.read(plugin_file(), {}, cluster(servers)) is None


def test_a_file_that_differs_on_one_host_is_a_conflict_that_names_it(servers: dict[str, FakeServer]) -> None:
    (servers["http://b:2"].plugin_directory / "p.py").write_text("theirs = 1\n")

    with pytest.raises(ResourceError, match="exists already and differs from the program's, on http://b:2"):
        FILE.create(plugin_file(), cluster(servers))
    FILE.create(plugin_file(adopt=True), cluster(servers))
    assert contents(servers) == ["x = 1\n"] * 3


def directory(number: int, **properties: Any) -> PluginDirectoryInputs:
    files = {"__init__.py": SOURCE, "a.py": f"A = {number}\n"}
    given = {"plugin_name": "alerts", "files": files_property(files)} | properties
    return DIRECTORY.check(PluginDirectoryInputs.checked(given), Program(Configuration()))


def test_a_new_directory_that_one_host_refuses_is_on_no_host(servers: dict[str, FakeServer]) -> None:
    checked = directory(1)
    servers["http://b:2"].failures[f"write {checked.plugin_filename}/__init__.py"] = [FULL]

    with pytest.raises(ResourceError, match=r"was not written in full: http://b:2 failed: .*had before$"):
        DIRECTORY.create(checked, cluster(servers))
    assert not any(
        server.plugin_directory.joinpath(str(checked.plugin_filename)).exists() for server in servers.values()
    )


def test_a_directory_in_place_that_one_host_refuses_is_put_back(servers: dict[str, FakeServer]) -> None:
    old, new = (directory(number, in_place=True, trigger_name="t") for number in (1, 2))
    DIRECTORY.create(old, cluster(servers))
    for server in servers.values():
        server.triggers["t"] = {"plugin_filename": "alerts"}
    servers["http://c:3"].failures["replace t"] = [FULL]

    with pytest.raises(ResourceError, match=r"was not changed: http://c:3 failed: .*had before$"):
        DIRECTORY.update(old, new, cluster(servers))
    assert [server.file("alerts/a.py") for server in servers.values()] == ["A = 1\n"] * 3


def test_files_that_a_failed_replacement_has_removed_are_put_back(servers: dict[str, FakeServer]) -> None:
    old = directory(1, in_place=True, trigger_name="t")
    DIRECTORY.create(old, cluster(servers))
    for server in servers.values():
        server.triggers["t"] = {"plugin_filename": "alerts"}
        server.plugin_directory.joinpath("alerts/by_hand.py").write_text("B = 1\n")
    servers["http://c:3"].failures["replace t"] = [FULL]

    with pytest.raises(ResourceError, match=r"had before$"):
        DIRECTORY.update(old, directory(2, in_place=True, trigger_name="t"), cluster(servers))
    for server in servers.values():
        assert server.file("alerts/a.py") == "A = 1\n"
        assert server.file("alerts/by_hand.py") == "B = 1\n"


def test_a_directory_that_was_edited_on_one_host_is_written_only_there(servers: dict[str, FakeServer]) -> None:
    state = directory(1)
    DIRECTORY.create(state, cluster(servers))
    servers["http://b:2"].plugin_directory.joinpath(str(state.plugin_filename), "a.py").write_text("A = 9\n")
    for server in servers.values():
        server.requests.clear()

    live = DIRECTORY.read(state, {}, cluster(servers))
    assert live is not None
    assert live.inputs.contents["a.py"].startswith("# not the same on all hosts")
    DIRECTORY.update(live.inputs, state, cluster(servers))

    assert servers["http://b:2"].file(f"{state.plugin_filename}/a.py") == "A = 1\n"
    writes = [any(each.startswith("write alerts") for each in server.requests) for server in servers.values()]
    assert writes == [False, True, False]
