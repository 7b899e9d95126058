"""``delete_on_destroy``: which files are removed, when, and which stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_resources import program
from influxdb3_engine_resources.configuration import Configuration, Servers
from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.plugins.directory import PluginDirectoryInputs, PluginDirectoryLogic
from influxdb3_engine_resources.plugins.file import PluginFileInputs, PluginFileLogic
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.properties import files_property
from influxdb3_engine_resources.server import engine
from pulumi_influxdb3_engine._adapter import Adapter

if TYPE_CHECKING:
    from fake_server import FakeServer

FILE = PluginFileLogic()
DIRECTORY = PluginDirectoryLogic()
SOURCE = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"


def plugin_file(name: str = "a/b/p.py") -> PluginFileInputs:
    given = {"plugin_name": name, "content": SOURCE, "delete_on_destroy": True}
    return FILE.check(PluginFileInputs.checked(given), Program(Configuration()))


def directory(number: int, **properties: Any) -> PluginDirectoryInputs:
    files = files_property({"__init__.py": SOURCE, "sub/a.py": f"A = {number}\n"})
    given = {"plugin_name": "alerts", "files": files, "delete_on_destroy": True} | properties
    return DIRECTORY.check(PluginDirectoryInputs.checked(given), Program(Configuration()))


def left(server: FakeServer) -> set[str]:
    """What is in the plugin directory besides our own plugins."""
    return {path.name for path in server.plugin_directory.iterdir()} - {".pulumi"}


def test_a_file_is_removed_with_the_directories_that_become_empty(server: FakeServer) -> None:
    engine = server.engine()
    FILE.create(plugin_file(), engine)
    FILE.create(plugin_file("a/q.py"), engine)
    server.requests.clear()

    FILE.delete(plugin_file(), engine)

    assert [path.name for path in (server.plugin_directory / "a").iterdir()] == ["q.py"]
    assert [request.partition("_")[0] for request in server.requests] == [
        "query files",
        "write .pulumi/sweeper",
        "sweeper",
    ]


def test_a_file_that_is_gone_already_is_removed(server: FakeServer) -> None:
    FILE.delete(plugin_file(), server.engine())

    assert left(server) == set()


def test_a_file_that_a_trigger_runs_stays_with_a_notice(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    engine = server.engine()
    FILE.create(plugin_file(), engine)
    server.triggers["theirs"] = {"plugin_filename": "a/b/p.py"}

    FILE.delete(plugin_file(), engine)

    assert server.file("a/b/p.py") == SOURCE
    assert "a/b/p.py of plugin file 'a/b/p.py' stays on" in (said := capsys.readouterr().err)
    assert "trigger theirs runs it" in said


def test_a_file_that_another_resource_of_the_program_declares_now_stays(server: FakeServer) -> None:
    engine = server.engine()
    state = plugin_file()
    FILE.create(state, engine)
    FILE.check(state, engine.program)

    FILE.delete(state, engine)

    assert server.file("a/b/p.py") == SOURCE


def test_a_removal_that_fails_is_an_error(server: FakeServer) -> None:
    server.failures["probe"] = [httpx.Response(500, text="Plugin error: Node not configured with plugin directory")]

    with pytest.raises(ResourceError, match=r"plugin file 'a/b/p\.py' was not removed from .*Node not configured"):
        FILE.delete(plugin_file(), server.engine())


@pytest.mark.parametrize("name", ["../outside.py", "/outside.py", "link/outside.py", ""])
def test_nothing_outside_of_the_plugin_directory_is_removed(server: FakeServer, name: str) -> None:
    outside = server.plugin_directory.parent / "outside.py"
    outside.write_text("")
    (server.plugin_directory / "link").symlink_to(server.plugin_directory.parent)

    with pytest.raises(Exception, match="is not inside the plugin directory"):
        server.engine().hosts[0].remove_files([name])
    assert outside.exists()


def test_a_replaced_directory_is_removed_once_its_trigger_runs_another(server: FakeServer) -> None:
    engine = server.engine()
    one, two, three = directory(1), directory(2), directory(3)
    DIRECTORY.create(one, engine)
    server.triggers["t"] = {"plugin_filename": one.plugin_filename}

    first = DIRECTORY.update(one, two, engine)
    assert first == {"superseded": [one.plugin_filename]}
    assert left(server) == {one.plugin_filename, two.plugin_filename}

    server.triggers["t"] = {"plugin_filename": two.plugin_filename}
    second = DIRECTORY.update(two.model_copy(update=first), three, engine)
    assert second == {"superseded": [two.plugin_filename]}
    assert left(server) == {two.plugin_filename, three.plugin_filename}

    del server.triggers["t"]
    DIRECTORY.delete(three.model_copy(update=second), engine)
    assert left(server) == set()


def test_a_replaced_directory_that_another_trigger_runs_is_removed_later(server: FakeServer) -> None:
    engine = server.engine()
    one, two, three = directory(1), directory(2), directory(3)
    DIRECTORY.create(one, engine)
    server.triggers["theirs"] = {"plugin_filename": one.plugin_filename}

    state = two.model_copy(update=DIRECTORY.update(one, two, engine))

    assert DIRECTORY.update(state, three, engine) == {"superseded": [one.plugin_filename, two.plugin_filename]}
    assert one.plugin_filename in left(server)


def test_going_back_to_an_earlier_directory_keeps_it(server: FakeServer) -> None:
    engine = server.engine()
    one, two = directory(1), directory(2)
    DIRECTORY.create(one, engine)
    state = two.model_copy(update=DIRECTORY.update(one, two, engine))
    server.requests.clear()

    assert DIRECTORY.update(state, one, engine) == {"superseded": [two.plugin_filename]}
    assert left(server) == {one.plugin_filename, two.plugin_filename}
    assert server.requests == []


def test_what_is_to_be_removed_later_survives_a_refresh_and_is_no_change(server: FakeServer) -> None:
    engine = server.engine()
    one = directory(1)
    DIRECTORY.create(one, engine)
    state = one.model_copy(update={"superseded": ["alerts_000000000000"]})

    live = DIRECTORY.read(state, {}, engine)

    assert live is not None
    assert live.outputs == {"superseded": ["alerts_000000000000"]}
    assert live.inputs == one
    assert not DIRECTORY.diff(state, one).changes


def test_without_it_updates_and_destroying_remove_nothing(server: FakeServer) -> None:
    engine = server.engine()
    one, two = (directory(number, delete_on_destroy=False) for number in (1, 2))
    DIRECTORY.create(one, engine)

    assert DIRECTORY.update(one, two, engine) == {}
    DIRECTORY.delete(two, engine)

    assert left(server) == {one.plugin_filename, two.plugin_filename}


@pytest.fixture
def adapter(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Adapter:
    """Deletes as ``pulumi destroy`` does, without a program."""
    running = server.engine()
    monkeypatch.setattr(program, "_programs", {})
    monkeypatch.setattr(engine, "engine", lambda _stack: running)
    return Adapter(FILE, {}, Servers(Configuration()))


def test_destroying_a_stack_removes_our_own_files(server: FakeServer, adapter: Adapter) -> None:
    FILE.create(plugin_file(), server.engine())
    assert (server.plugin_directory / ".pulumi").exists()

    adapter.delete(plugin_file().model_copy(update={"delete_on_destroy": False}).properties())

    assert [path.name for path in server.plugin_directory.iterdir()] == ["a"]
    assert [request.partition("_")[0] for request in server.requests[-4:]] == [
        "write .pulumi/probe", "probe", "write .pulumi/sweeper", "sweeper",
    ]  # fmt: skip


def test_our_own_files_stay_if_a_program_deletes_a_resource(server: FakeServer, adapter: Adapter) -> None:
    FILE.create(plugin_file(), server.engine())
    adapter.check({}, {"plugin_name": "another.py", "content": ""})

    adapter.delete(plugin_file().properties())

    assert (server.plugin_directory / ".pulumi").exists()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(403, text="forbidden"), False),
        (httpx.Response(500, text="Plugin error: broken"), True),
        (httpx.Response(401, text="not authenticated"), True),
    ],
)
def test_a_server_that_does_not_remove_our_files_does_not_fail_a_destroy(
    server: FakeServer, adapter: Adapter, capsys: pytest.CaptureFixture[str], answer: httpx.Response, said: bool
) -> None:
    server.failures["probe"] = [answer]

    adapter.delete(plugin_file().model_copy(update={"delete_on_destroy": False}).properties())

    assert (".pulumi/ stays in the plugin directory of" in capsys.readouterr().err) is said
