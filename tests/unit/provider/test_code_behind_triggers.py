"""Code behind triggers: which hash a trigger has, when a new hash is a change, and which code is put back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fake_server import FakeServer, cluster

from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.inputs import UNKNOWN
from influxdb3_engine_resources.plugins.directory import PluginDirectoryInputs, PluginDirectoryLogic
from influxdb3_engine_resources.plugins.file import PluginFileInputs, PluginFileLogic
from influxdb3_engine_resources.properties import files_property
from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from pathlib import Path

    from influxdb3_engine_resources.server.engine import Engine

FILE, DIRECTORY, TRIGGER = PluginFileLogic(), PluginDirectoryLogic(), TriggerLogic()
CODE = "def process_writes(influxdb3_local, table_batches, args=None):\n    {}\n"
OLD, BAD, WORSE = (CODE.format(f"'{name}'") for name in ("old", "bad", "worse"))
WATCHED = {"watch": {"seconds": 0.05}}


class Deployment:
    """What the program declares, deployed by a process of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.program = engine, engine.program

    def file(self, content: Any) -> PluginFileInputs:
        return FILE.check(PluginFileInputs.checked({"plugin_name": "p.py", "content": content}), self.program)

    def directory(self, files: dict[str, str], **properties: Any) -> PluginDirectoryInputs:
        given = {"plugin_name": "package", "files": files_property(files)} | properties
        return DIRECTORY.check(PluginDirectoryInputs.checked(given), self.program)

    def trigger(self, name: str = "t", **properties: Any) -> TriggerInputs:
        given = {"db": "db", "trigger_name": name, "plugin_filename": "p.py", "trigger_specification": "all_tables"}
        return TRIGGER.check(TriggerInputs.checked(given | WATCHED | properties), self.program)

    def update(self, state: TriggerInputs, inputs: TriggerInputs) -> None:
        """As Pulumi does."""
        if TRIGGER.diff(state, inputs).changes:
            TRIGGER.update(state, inputs, self.engine)


@pytest.fixture
def deployed(server: FakeServer) -> tuple[PluginFileInputs, TriggerInputs]:
    """A file and a trigger that the first deployment has made."""
    first = Deployment(server.engine())
    file, trigger = first.file(OLD), first.trigger()
    FILE.create(file, first.engine)
    TRIGGER.create(trigger, first.engine)
    server.requests.clear()
    return file, trigger


def failing(server: FakeServer, *codes: str) -> None:
    """Let the trigger log an error whenever the log is read while one of the codes is in its file."""
    handle = server.answer

    def handled(request: httpx.Request) -> httpx.Response:
        answer = handle(request)
        if server.requests[-1] == "query logs" and server.file("p.py") in codes:
            server.log("error executing wal plugin: ValueError: no good", level="ERROR")
        return answer

    server.answer = handled  # type: ignore[method-assign]


def test_a_watched_trigger_has_the_hash_of_declared_code() -> None:
    program = Deployment(FakeServer(None).engine())  # type: ignore[arg-type]
    file = program.file(OLD)
    assert program.trigger().plugin_sha256 == file.content_sha256
    assert program.trigger("u", watch=None).plugin_sha256 is None
    assert program.trigger("v", plugin_filename="other.py").plugin_sha256 is None


@pytest.mark.parametrize("in_place", [True, False])
def test_a_trigger_has_the_hash_of_a_directory_only_if_it_is_written_in_place(in_place: bool) -> None:
    program = Deployment(FakeServer(None).engine())  # type: ignore[arg-type]
    properties = {"in_place": True, "trigger_name": "t"} if in_place else {}
    directory = program.directory({"__init__.py": OLD}, **properties)
    trigger = program.trigger(plugin_filename=f"{directory.plugin_filename}/")
    assert trigger.plugin_sha256 == (directory.content_sha256 if in_place else None)


def test_the_hash_of_unknown_content_is_unknown() -> None:
    program = Deployment(FakeServer(None).engine())  # type: ignore[arg-type]
    program.file(UNKNOWN)
    unknown: object = program.trigger().plugin_sha256
    assert unknown is UNKNOWN
    file = program.file(OLD)  # the same process deploys what it has previewed
    assert program.trigger("u").plugin_sha256 == file.content_sha256


def test_another_hash_is_a_change_only_if_the_trigger_is_watched(
    deployed: tuple[PluginFileInputs, TriggerInputs],
) -> None:
    _, state = deployed
    other = state.model_copy(update={"plugin_sha256": "other"})
    older = state.model_copy(update={"plugin_sha256": None})  # of a release that knew none, or before it was watched
    assert TRIGGER.diff(state, other).changes
    assert TRIGGER.diff(older, state).changes
    assert not TRIGGER.diff(state, other.model_copy(update={"watch": None})).changes
    assert not TRIGGER.diff(state, older).changes


def test_a_trigger_that_gets_its_first_hash_sends_nothing(
    server: FakeServer, deployed: tuple[PluginFileInputs, TriggerInputs]
) -> None:
    second = Deployment(server.engine())
    second.file(OLD)
    second.update(deployed[1].model_copy(update={"plugin_sha256": None}), second.trigger())
    assert server.requests == []


def test_new_code_that_runs_is_only_watched(
    server: FakeServer, deployed: tuple[PluginFileInputs, TriggerInputs]
) -> None:
    second = Deployment(server.engine())
    FILE.update(deployed[0], second.file(BAD), second.engine)
    second.update(deployed[1], second.trigger())
    assert set(server.requests) == {"write p.py", "query logs"}
    assert server.file("p.py") == BAD


@pytest.mark.parametrize("known", [True, False], ids=["known", "of an older state"])
def test_code_that_fails_is_put_back_and_written_again_by_the_next_deployment(
    server: FakeServer, deployed: tuple[PluginFileInputs, TriggerInputs], known: bool
) -> None:
    file, trigger = deployed
    state = trigger if known else trigger.model_copy(update={"plugin_sha256": None})
    failing(server, BAD, WORSE)
    second = Deployment(server.engine())
    changed = second.file(BAD)
    FILE.update(file, changed, second.engine)
    with pytest.raises(ResourceError, match=r"failed when its new code first ran\. Its previous code is there again"):
        second.update(state, second.trigger())
    assert server.file("p.py") == OLD
    assert server.triggers["t"]["disabled"] is False
    if not known:
        return

    third = Deployment(server.engine())  # Pulumi takes the file for what the second deployment made it
    third.file(BAD)
    with pytest.raises(ResourceError, match="Its previous code is there again"):
        third.update(state, third.trigger())
    assert server.requests.count("write p.py") == 4
    assert server.file("p.py") == OLD

    fourth = Deployment(server.engine())
    FILE.update(changed, fourth.file(WORSE), fourth.engine)
    with pytest.raises(ResourceError, match="Its previous code is there again"):
        fourth.update(state, fourth.trigger())
    assert server.file("p.py") == OLD


def test_a_changed_definition_that_fails_is_rolled_back_with_its_code(
    server: FakeServer, deployed: tuple[PluginFileInputs, TriggerInputs]
) -> None:
    failing(server, BAD)
    second = Deployment(server.engine())
    FILE.update(deployed[0], second.file(BAD), second.engine)
    with pytest.raises(
        ResourceError, match=r"The previous definition is live again: Its previous code is there again.*no good"
    ):
        second.update(deployed[1], second.trigger(trigger_arguments={"a": "1"}))
    assert server.file("p.py") == OLD
    assert server.triggers["t"]["trigger_arguments"] is None


def test_another_trigger_of_code_that_was_put_back_is_an_error(
    server: FakeServer, deployed: tuple[PluginFileInputs, TriggerInputs]
) -> None:
    failing(server, BAD)
    second = Deployment(server.engine())
    FILE.update(deployed[0], second.file(BAD), second.engine)
    with pytest.raises(ResourceError, match="no good"):
        second.update(deployed[1], second.trigger())
    other = deployed[1].model_copy(update={"trigger_name": "u"})
    with pytest.raises(ResourceError, match="previous code again, since trigger 't' in database 'db' failed on"):
        second.update(other, second.trigger("u"))


def test_an_error_says_that_code_could_not_be_put_back(
    server: FakeServer, deployed: tuple[PluginFileInputs, TriggerInputs]
) -> None:
    failing(server, BAD)
    second = Deployment(server.engine())
    FILE.update(deployed[0], second.file(BAD), second.engine)
    server.failures["write p.py"] = [httpx.Response(500, text="disk full")] * 4
    with pytest.raises(ResourceError, match=r"Its new code may stay, .*disk full.*no good"):
        second.update(deployed[1], second.trigger())


def test_an_error_says_that_the_previous_code_is_unknown(
    server: FakeServer, deployed: tuple[PluginFileInputs, TriggerInputs]
) -> None:
    failing(server, BAD)
    second = Deployment(server.engine())
    FILE.update(deployed[0], second.file(BAD), second.engine)
    state = deployed[1].model_copy(update={"plugin_sha256": "0" * 64})
    with pytest.raises(ResourceError, match=r"Its new code stays, since the previous code is unknown"):
        second.update(state, second.trigger())
    assert server.file("p.py") == BAD


def test_the_previous_code_is_put_back_on_every_host(tmp_path: Path) -> None:
    servers = {url: FakeServer(tmp_path / url[-1]) for url in ("http://h:1", "http://h:2")}
    for each in servers.values():
        each.plugin_directory.mkdir()
    first_host = servers["http://h:1"]
    first = Deployment(cluster(servers))
    file, trigger = first.file(OLD), first.trigger()
    FILE.create(file, first.engine)
    TRIGGER.create(trigger, first.engine)
    failing(first_host, BAD)

    second = Deployment(cluster(servers))
    FILE.update(file, second.file(BAD), second.engine)
    assert {each.file("p.py") for each in servers.values()} == {BAD}
    with pytest.raises(ResourceError, match="Its previous code is there again"):
        second.update(trigger, second.trigger())
    assert {each.file("p.py") for each in servers.values()} == {OLD}


def test_a_directory_that_is_written_in_place_is_put_back_without_its_new_files(server: FakeServer) -> None:
    in_place = {"in_place": True, "trigger_name": "t"}
    first = Deployment(server.engine())
    directory = first.directory({"__init__.py": OLD}, **in_place)
    DIRECTORY.create(directory, first.engine)
    trigger = first.trigger(plugin_filename="package")
    TRIGGER.create(trigger, first.engine)
    server.plugin_directory.joinpath("p.py").write_text(BAD)
    failing(server, BAD)

    second = Deployment(server.engine())
    changed = second.directory({"__init__.py": BAD, "new.py": "N = 1\n"}, **in_place)
    DIRECTORY.update(directory, changed, second.engine)
    assert server.file("package/__init__.py") == BAD
    with pytest.raises(ResourceError, match="Its previous code is there again"):
        second.update(trigger, second.trigger(plugin_filename="package"))
    assert server.file("package/__init__.py") == OLD
    assert not (server.plugin_directory / "package/new.py").exists()


def test_a_restart_is_watched_and_an_unchanged_definition_stays_live(
    server: FakeServer, deployed: tuple[PluginFileInputs, TriggerInputs]
) -> None:
    failing(server, OLD)
    second = Deployment(server.engine())
    second.file(OLD)
    with pytest.raises(ResourceError, match=r"It stays live, since its definition has not changed: .*no good"):
        second.update(deployed[1], second.trigger(restart_on=["x"]))
    assert set(server.triggers) == {"t"}
