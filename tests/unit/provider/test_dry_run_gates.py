"""Dry runs that a candidate has to pass before anything that is live is touched."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.errors import InvalidInputs, ResourceError
from influxdb3_engine_resources.plugins.directory import PluginDirectoryInputs, PluginDirectoryLogic
from influxdb3_engine_resources.plugins.file import PluginFileInputs, PluginFileLogic
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.properties import files_property
from pulumi_influxdb3_engine import ScheduleTest, WalTest
from pulumi_influxdb3_engine._sources import SourceError
from pulumi_influxdb3_engine.dry_runs import dry_runs_property

if TYPE_CHECKING:
    from fake_server import FakeServer

FILE = PluginFileLogic()
DIRECTORY = PluginDirectoryLogic()
COPY = """
def process_writes(influxdb3_local, table_batches, args=None):
    influxdb3_local.info(f"copying {len(table_batches)} with {args}")
    for line in table_batches:
        influxdb3_local.write(line)
"""
COPIES = WalTest(input_lp="m v=1\nm v=2", arguments={"scale": 2}, expect_writes=["m v=1", re.compile("m v=.")])


def plugin_file(content: str = COPY, test: Any = COPIES, **properties: Any) -> PluginFileInputs:
    given = {"plugin_name": "p.py", "content": content, "test": dry_runs_property("a test", test)}
    return FILE.check(PluginFileInputs.checked(given | properties), Program(Configuration()))


def directory(word: str, **properties: Any) -> PluginDirectoryInputs:
    files = {
        "__init__.py": "from .words import WORD\ndef process_scheduled_call(influxdb3_local, call_time, args=None):\n"
        '    influxdb3_local.write(f\'m s="{WORD}{(args or {}).get("more", "")}"\')\n',
        "words.py": f"WORD = {word!r}\n",
    }
    test = ScheduleTest(expect_writes=['m s="hello there"'], arguments={"more": " there"})
    given = {"plugin_name": "words", "files": files_property(files), "test": dry_runs_property("a test", test)}
    return DIRECTORY.check(PluginDirectoryInputs.checked(given | properties), Program(Configuration()))


def live_writes(server: FakeServer) -> list[str]:
    return [request for request in server.requests if request.startswith(("write", "replace")) and "/" not in request]


def test_a_file_is_written_once_its_candidate_has_passed(server: FakeServer) -> None:
    FILE.create(plugin_file(), server.engine(database="metrics"))

    ours = [request for request in server.requests if "probe" not in request]
    assert [request.split(" ")[0] for request in ours] == ["write", "dry-run", "write"]
    assert ours[0].split(" ")[1] == ours[1].split(" ")[1]
    assert ours[0].startswith("write .pulumi/candidates/p_py/")
    assert ours[2] == "write p.py"
    assert server.bodies[-2] == {
        "filename": ours[1].split(" ")[1],
        "database": "metrics",
        "input_lp": "m v=1\nm v=2",
        "input_arguments": {"scale": "2"},
    }


@pytest.mark.parametrize(
    ("content", "test", "message"),
    [
        (COPY + "    raise ValueError('bad threshold')\n", COPIES, r"failed: error executing plugin: .*bad threshold"),
        (COPY + "    influxdb3_local.error('no table')\n", COPIES, r"failed: ERROR: no table\n  It logged:\n.*copying"),
        (
            COPY,
            WalTest(input_lp="m v=1", expect_writes=[]),
            r"failed: 'm v=1' was written.*\n  It logged:\n.*copying 1",
        ),
    ],
)
def test_a_candidate_that_fails_leaves_the_live_file_and_says_why(
    server: FakeServer, content: str, test: WalTest, message: str
) -> None:
    engine = server.engine()
    FILE.create(plugin_file("x = 1\n", None), engine)

    with pytest.raises(
        ResourceError, match=r"(?s)^plugin file 'p\.py' was not changed: dry run 1 \(wal\) on .*" + message
    ):
        FILE.update(plugin_file("x = 1\n", None), plugin_file(content, test), engine)
    assert server.file("p.py") == "x = 1\n"


def test_every_dry_run_has_to_pass(server: FakeServer) -> None:
    tests = [COPIES, WalTest(input_lp="m v=3", expect_writes=["m v=4"])]

    with pytest.raises(ResourceError, match=r"was not written: dry run 2 \(wal\) .*'m v=4' was expected"):
        FILE.create(plugin_file(test=tests), server.engine())
    assert live_writes(server) == []


def test_a_change_of_dry_runs_does_not_write_the_file_again(server: FakeServer) -> None:
    engine = server.engine()
    FILE.create(plugin_file(), engine)
    server.requests.clear()
    changed = plugin_file(test=WalTest(input_lp="m v=9", expect_writes=["m v=9"]))

    assert FILE.diff(plugin_file(), changed).changes
    FILE.update(plugin_file(), changed, engine)

    assert live_writes(server) == []
    assert [request.split(" ")[0] for request in server.requests] == ["write", "dry-run"]


def test_a_dry_run_that_does_not_end_changes_nothing(server: FakeServer) -> None:
    checked = plugin_file()
    candidate = f"{checked.candidates}/{str(checked.content_sha256)[:12]}.py"
    server.failures[f"dry-run {candidate}"] = [httpx.ReadTimeout("")]

    with pytest.raises(ResourceError, match=r"was not written: a dry run on .* did not end"):
        FILE.create(checked, server.engine())
    assert live_writes(server) == []


def test_a_directory_is_dry_run_as_a_package(server: FakeServer) -> None:
    checked = directory("hello")

    DIRECTORY.create(checked, server.engine())

    assert server.requests[-1].startswith("dry-run .pulumi/shim_")
    assert server.bodies[-1]["database"] == "_internal"


def test_a_directory_that_fails_its_dry_run_is_removed(server: FakeServer) -> None:
    engine = server.engine()
    old, new = directory("hello"), directory("bye")
    DIRECTORY.create(old, engine)

    with pytest.raises(ResourceError, match=r"plugin directory 'words' was not changed: .*'m s=\"bye there\"' was"):
        DIRECTORY.update(old, new, engine)
    assert server.file(f"{old.plugin_filename}/words.py") == "WORD = 'hello'\n"
    assert not (server.plugin_directory / str(new.plugin_filename)).exists()

    (server.plugin_directory / str(new.plugin_filename)).mkdir()
    (server.plugin_directory / str(new.plugin_filename) / "words.py").write_text("WORD = 'bye'\n")
    with pytest.raises(ResourceError, match="was not changed"):
        DIRECTORY.update(old, new, server.engine())
    assert server.file(f"{new.plugin_filename}/words.py") == "WORD = 'bye'\n"


def test_a_notice_names_a_failed_directory_that_stays(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.failures["sweeper"] = [httpx.Response(500, text="no clean-up today")]
    new = directory("bye")

    with pytest.raises(ResourceError, match="'m s=\"bye there\"' was"):
        DIRECTORY.create(new, server.engine())
    assert f"{new.plugin_filename} stays on http://127.0.0.1:8181, and no trigger" in capsys.readouterr().err


def test_a_directory_in_place_is_dry_run_from_a_candidate(server: FakeServer) -> None:
    engine = server.engine()
    server.triggers["t"] = {"plugin_filename": "words"}
    old, new = (directory(word, in_place=True, trigger_name="t") for word in ("hello", "bye"))
    DIRECTORY.create(old, engine)

    with pytest.raises(ResourceError, match="was not changed"):
        DIRECTORY.update(old, new, engine)
    assert server.file("words/words.py") == "WORD = 'hello'\n"
    assert "replace t" not in server.requests


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (ScheduleTest(), r"^test\[0\]: the plugin does not define process_scheduled_call, which this trigger calls"),
        (WalTest(input_lp="m v=1", expect_writes=["/(/"]), r"^test\[0\]\.expect_writes.*invalid regular expression"),
        (WalTest(input_lp="m v=1", database="_no"), r"^test\[0\]\.database: a database name starts with"),
    ],
)
def test_an_impossible_dry_run_is_refused_during_preview(test: Any, message: str) -> None:
    with pytest.raises(InvalidInputs, match=message):
        plugin_file(test=test)


def test_flags_of_an_expression_would_be_lost_and_are_refused() -> None:
    with pytest.raises(SourceError, match="a regular expression has its flags inside"):
        dry_runs_property("a test", WalTest(input_lp="", expect_writes=[re.compile("a", re.IGNORECASE)]))
