"""Plugin files and directories: what is derived, sent and read back."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import InvalidInputs, ResourceError
from influxdb3_engine_resources.inputs import UNKNOWN
from influxdb3_engine_resources.plugins.directory import (
    PluginDirectoryInputs,
    PluginDirectoryLogic,
)
from influxdb3_engine_resources.plugins.file import PluginFileInputs, PluginFileLogic
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.properties import files_property
from influxdb3_engine_resources.resource import Difference
from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from fake_server import FakeServer

FILE = PluginFileLogic()
DIRECTORY = PluginDirectoryLogic()
SOURCE = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"


def plugin_file(program: Program | None = None, **properties: Any) -> PluginFileInputs:
    given = {"plugin_name": "p.py", "content": SOURCE}
    return FILE.check(PluginFileInputs.checked(given | properties), program or Program(Configuration()))


def directory(
    files: dict[str, Any] | None = None, program: Program | None = None, **properties: Any
) -> PluginDirectoryInputs:
    contents = {"__init__.py": SOURCE, "a.py": "A = 1\n"} if files is None else files
    given: dict[str, Any] = {"plugin_name": "alerts", "files": files_property(contents)}
    return DIRECTORY.check(PluginDirectoryInputs.checked(given | properties), program or Program(Configuration()))


def test_the_name_and_hash_of_a_file_are_known_during_preview() -> None:
    checked = plugin_file()

    assert checked.plugin_filename == "p.py"
    assert checked.content_sha256 == hashlib.sha256(SOURCE.encode()).hexdigest()


def test_unknown_content_leaves_the_name_known() -> None:
    assert plugin_file(content=UNKNOWN).properties() == {
        "plugin_name": "p.py",
        "content": UNKNOWN,
        "plugin_filename": "p.py",
        "content_sha256": UNKNOWN,
    }


def test_a_python_file_with_a_syntax_error_is_refused() -> None:
    with pytest.raises(InvalidInputs, match=r"^content: p\.py, line 2: "):
        plugin_file(content="\nx =")
    assert plugin_file(plugin_name="rules.json", content="{").plugin_filename == "rules.json"


def test_a_trigger_is_checked_against_the_file_that_the_program_declares() -> None:
    program = Program(Configuration())
    plugin_file(program)
    trigger = TriggerInputs.checked(
        {"db": "db", "trigger_name": "t", "plugin_filename": "p.py", "trigger_specification": "request:a"}
    )

    with pytest.raises(InvalidInputs, match="does not define process_request, which this trigger calls; it defines"):
        TriggerLogic().check(trigger, program)


def test_two_resources_that_would_overwrite_each_other_are_refused() -> None:
    program = Program(Configuration())
    for _ in range(2):
        plugin_file(program)
        directory(program=program, in_place=True, trigger_name="t")
    directory({"__init__.py": SOURCE}, program)  # has a name of its own by its content

    with pytest.raises(InvalidInputs, match=r"^plugin_name: another .* plugin file 'p\.py' with other content"):
        plugin_file(program, content="x = 1\n")
    with pytest.raises(InvalidInputs, match=r"^plugin_name: .* the plugin directory 'alerts' with other content"):
        directory({"__init__.py": SOURCE}, program, in_place=True, trigger_name="t")


def requests(server: FakeServer) -> list[str]:
    """What was asked, the names of our own plugins without their hashes; that of one which does not exist is X."""
    return [re.sub(r"_[0-9a-f]{12}", "", re.sub("[0-9a-f]{16}", "X", request)) for request in server.requests]


def test_files_are_written_by_one_request_each_after_one_look_for_all(server: FakeServer) -> None:
    engine = server.engine()
    created = [FILE.create(plugin_file(plugin_name=name), engine) for name in ("a/p.py", "q.py", "r.py")]

    assert requests(server) == [
        "write .pulumi/probe.py",
        "probe",
        "write a/p.py",
        "write q.py",
        "write r.py",
    ]
    assert server.file("a/p.py") == SOURCE
    assert [each.id for each in created] == ["a/p.py", "q.py", "r.py"]


def test_a_file_that_cannot_be_written_says_why(server: FakeServer) -> None:
    server.failures["write p.py"] = [httpx.Response(403)]

    with pytest.raises(ResourceError, match=r"plugin file 'p\.py' was not written: .*403"):
        FILE.create(plugin_file(), server.engine())


def test_changed_content_overwrites_the_file(server: FakeServer) -> None:
    engine = server.engine()
    FILE.create(plugin_file(), engine)

    FILE.update(plugin_file(), plugin_file(content="x = 1\n"), engine)

    assert server.requests[-2:] == ["write p.py", "write p.py"]
    assert server.file("p.py") == "x = 1\n"


def test_changed_content_goes_through_the_trigger_that_is_named(server: FakeServer) -> None:
    engine = server.engine()
    server.triggers["t"] = {"plugin_filename": "p.py"}
    (server.plugin_directory / "p.py").write_text("")

    FILE.update(plugin_file(), plugin_file(content="x = 1\n", trigger_name="t"), engine)

    assert requests(server) == ["query files", "dry-run .pulumi/X.py", "overwrite t"]
    assert server.file("p.py") == "x = 1\n"


def test_a_trigger_that_runs_another_file_is_not_overwritten(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.triggers["t"] = {"plugin_filename": "other.py"}
    (server.plugin_directory / "other.py").write_text("theirs = 1\n")

    FILE.update(plugin_file(), plugin_file(content="x = 1\n", trigger_name="t"), server.engine())

    assert server.requests == ["query files", "write p.py"]
    assert server.file("other.py") == "theirs = 1\n"
    assert "since trigger 't' does not run it" in capsys.readouterr().err


@pytest.mark.parametrize("runs", ["sub/p.py", "p.py"])
def test_a_file_of_the_same_name_in_another_directory_is_not_overwritten(server: FakeServer, runs: str) -> None:
    for path in ("sub/p.py", "p.py"):
        file = server.plugin_directory / path
        file.parent.mkdir(exist_ok=True)
        file.write_text("theirs = 1\n")
    server.triggers["t"] = {"plugin_filename": runs}

    FILE.update(plugin_file(), plugin_file(content="x = 1\n", trigger_name="t"), server.engine())

    assert server.requests[-1] == ("overwrite t" if runs == "p.py" else "write p.py")
    assert server.file("sub/p.py") == "theirs = 1\n"


def test_a_directory_of_the_same_name_in_another_one_is_not_replaced(server: FakeServer) -> None:
    theirs = server.plugin_directory / "sub/alerts/__init__.py"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs = 1\n")
    server.triggers["t"] = {"plugin_filename": "sub/alerts"}
    new = directory({"__init__.py": SOURCE, "a.py": "A = 2\n"}, in_place=True, trigger_name="t")

    DIRECTORY.update(directory(in_place=True, trigger_name="t"), new, server.engine())

    assert server.requests[-1] == "write alerts/__init__.py"
    assert theirs.read_text() == "theirs = 1\n"


def test_a_new_host_is_an_update() -> None:
    further = Configuration.model_validate({"plugin_hosts": ["http://b:1"]})
    now = FILE.check(PluginFileInputs.checked({"plugin_name": "p.py", "content": "x = 1\n"}), Program(further))

    assert now.hosts == ["http://b:1"]
    assert FILE.diff(plugin_file(content="x = 1\n"), now).changes


def test_a_new_trigger_to_send_changes_through_changes_nothing(server: FakeServer) -> None:
    FILE.update(plugin_file(), plugin_file(trigger_name="t"), server.engine())

    assert server.requests == []
    assert FILE.diff(plugin_file(), plugin_file(trigger_name="t")) == Difference(
        changes=False, delete_before_replace=True
    )


def test_a_new_name_is_another_file() -> None:
    assert FILE.diff(plugin_file(), plugin_file(plugin_name="q.py")) == Difference(
        changes=True, replaces=("plugin_name",), delete_before_replace=True
    )
    assert FILE.diff(plugin_file(), plugin_file(content="x = 1")) == Difference(
        changes=True, delete_before_replace=True
    )


def test_destroying_a_file_sends_nothing_and_a_notice_says_that_it_stays(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    FILE.delete(plugin_file(), server.engine())

    assert server.requests == []
    assert "plugin file 'p.py' stays on the server" in capsys.readouterr().err


def test_a_directory_is_named_by_its_content() -> None:
    one, same, other = directory(), directory(), directory({"__init__.py": SOURCE, "a.py": "A = 2\n"})

    assert one.plugin_filename == same.plugin_filename
    assert one.plugin_filename != other.plugin_filename
    assert str(one.plugin_filename).rpartition("_")[0] == "alerts"
    assert str(one.plugin_filename).isidentifier()


def test_the_name_of_a_file_is_part_of_the_content_of_a_directory() -> None:
    renamed = directory({"__init__.py": SOURCE, "b.py": "A = 1\n"})

    assert renamed.plugin_filename != directory().plugin_filename


def test_a_directory_written_in_place_keeps_its_name() -> None:
    assert directory(in_place=True, trigger_name="t").plugin_filename == "alerts"


@pytest.mark.parametrize(
    "properties", [{"files": {"./__init__.py": UNKNOWN}}, {"files": UNKNOWN}, {"plugin_name": UNKNOWN}]
)
def test_a_directory_with_unknown_parts_has_an_unknown_name(properties: dict[str, Any]) -> None:
    given = directory().properties() | properties

    checked = DIRECTORY.check(PluginDirectoryInputs.checked(given), Program(Configuration()))

    assert checked.properties()["plugin_filename"] is UNKNOWN


@pytest.mark.parametrize(
    ("files", "properties", "message"),
    [
        ({"a.py": ""}, {}, r"^files: there is no __init__\.py"),
        ({"__init__.py": "from .no import f"}, {}, r"^files: __init__\.py, line 1: there is no module '\.no'"),
        ({"__init__.py": SOURCE, "a.py": "("}, {}, r"^files: a\.py, line 1: "),
        (None, {"in_place": True}, r"^trigger_name: in_place=True replaces the files through the trigger"),
    ],
)
def test_an_invalid_directory_is_refused(
    files: dict[str, str] | None, properties: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInputs, match=message):
        directory(files, **properties)


def test_a_directory_is_written_with_its_entry_last(server: FakeServer) -> None:
    checked = directory({"__init__.py": SOURCE, "a.py": "", "sub/__init__.py": "", "Z.txt": ""})
    DIRECTORY.create(checked, server.engine())

    name = checked.plugin_filename
    order = [f"write {name}/{file}" for file in ("Z.txt", "a.py", "sub/__init__.py", "__init__.py")]
    assert [request for request in server.requests if ".pulumi" not in request and request != "probe"] == order


def test_a_directory_that_could_not_be_completed_has_no_entry(server: FakeServer) -> None:
    checked = directory()
    server.failures[f"write {checked.plugin_filename}/a.py"] = [httpx.Response(500, text="disk full")]

    with pytest.raises(ResourceError, match=r"was not written in full: .*/a\.py: .*disk full"):
        DIRECTORY.create(checked, server.engine())
    assert server.requests[-1] == f"write {checked.plugin_filename}/a.py"


def test_changed_files_go_to_a_new_directory_and_leave_the_old_one(server: FakeServer) -> None:
    engine = server.engine()
    old, new = directory(), directory({"__init__.py": SOURCE, "a.py": "A = 2\n"})
    DIRECTORY.create(old, engine)

    DIRECTORY.update(old, new, engine)

    assert server.file(f"{old.plugin_filename}/a.py") == "A = 1\n"
    assert server.file(f"{new.plugin_filename}/a.py") == "A = 2\n"
    assert DIRECTORY.diff(old, new) == Difference(changes=True, delete_before_replace=True)


def test_files_in_place_are_replaced_through_their_trigger(server: FakeServer) -> None:
    engine = server.engine()
    server.triggers["t"] = {"plugin_filename": "alerts"}
    (server.plugin_directory / "alerts").mkdir()
    (server.plugin_directory / "alerts" / "__init__.py").write_text("")
    old = directory(in_place=True, trigger_name="t")
    new = directory({"__init__.py": SOURCE, "a.py": "A = 2\n"}, in_place=True, trigger_name="t")

    DIRECTORY.update(old, new, engine)

    assert requests(server) == ["query files", "dry-run .pulumi/X.py", "replace t"]
    assert server.file("alerts/a.py") == "A = 2\n"


def test_files_in_place_are_written_one_by_one_while_there_is_no_trigger(server: FakeServer) -> None:
    old = directory(in_place=True, trigger_name="t")
    new = directory({"__init__.py": SOURCE, "a.py": "A = 2\n"}, in_place=True, trigger_name="t")

    DIRECTORY.update(old, new, server.engine())

    assert server.requests == ["query files", "write alerts/a.py", "write alerts/__init__.py"]


def test_a_single_file_is_never_replaced_by_a_directory(server: FakeServer) -> None:
    server.triggers["t"] = {"plugin_filename": "alerts.py"}
    (server.plugin_directory / "alerts.py").write_text("theirs = 1\n")
    new = directory({"__init__.py": SOURCE, "a.py": "A = 2\n"}, in_place=True, trigger_name="t")

    DIRECTORY.update(directory(in_place=True, trigger_name="t"), new, server.engine())

    assert server.requests == ["query files", "write alerts/a.py", "write alerts/__init__.py"]


def test_a_directory_is_read_back_file_by_file(server: FakeServer) -> None:
    engine = server.engine()
    state = directory()
    DIRECTORY.create(state, engine)
    unchanged = DIRECTORY.read(state, {}, engine)
    (server.plugin_directory / str(state.plugin_filename) / "a.py").write_text("A = 3\n")

    live = DIRECTORY.read(state, {}, server.engine())

    assert unchanged is not None
    assert unchanged.inputs == state
    assert live is not None
    assert live.inputs.contents == {"__init__.py": SOURCE, "a.py": "A = 3\n"}
    assert "files" in state.changed(live.inputs)


def test_a_directory_without_any_file_left_is_gone(server: FakeServer) -> None:
    assert DIRECTORY.read(directory(), {}, server.engine()) is None


def test_destroying_a_directory_says_that_it_stays(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    DIRECTORY.delete(directory(), server.engine())

    assert server.requests == []
    assert "stays on the server" in capsys.readouterr().err
