"""Exported programs of configurations that hypothesis makes; the logic of the resources carries them out."""

from __future__ import annotations

import os
import shutil
import sys
import types
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pulumi_influxdb3_engine
from influxdb3_embedded.testing import RunningEngine, start_engine
from influxdb3_engine_api import CreateTrigger, EngineClient, paths
from influxdb3_engine_export.declarations import Declarations, declare
from influxdb3_engine_export.program import ProgramText, write_program
from influxdb3_engine_export.reading import read_server
from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.database import DatabaseLogic
from influxdb3_engine_resources.plugins.directory import PluginDirectoryLogic, files_sha256
from influxdb3_engine_resources.plugins.file import PluginFileLogic
from influxdb3_engine_resources.properties import files_property
from influxdb3_engine_resources.server.engine import Engine
from influxdb3_engine_resources.triggers.logic import TriggerLogic
from pulumi_influxdb3_engine._sources import read_directory, read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_engine_resources.resource import ResourceLogic

CODE = """
def process_writes(influxdb3_local, table_batches, args=None): pass
def process_scheduled_call(influxdb3_local, call_time, args=None): pass
def process_request(influxdb3_local, query, headers, body, args=None): pass
"""
PACKAGE = {"__init__.py": f"from . import other\n{CODE}", "other.py": "x = 1\n", "text.txt": "\r\n"}
ADDRESSED = f"made_{files_sha256(PACKAGE)[:12]}"
PLUGINS = {
    "a.py": {"a.py": CODE},
    "sub/a.py": {"sub/a.py": f"# windows\r\n{CODE}"},
    "by_hand": {f"by_hand/{path}": text for path, text in PACKAGE.items()},
    "by_hand/": {f"by_hand/{path}": text for path, text in PACKAGE.items()},
    ADDRESSED: {f"{ADDRESSED}/{path}": text for path, text in PACKAGE.items()},
}
"""Plugin to its files by path."""

_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)
_TRIGGERS = st.fixed_dictionaries(
    {
        "db": st.sampled_from(["metrics", "logs-2"]),
        "trigger_name": _TEXTS.filter(lambda text: text.strip() and text.isprintable()),
        "plugin_filename": st.sampled_from([*PLUGINS]),
        "trigger_specification": st.one_of(
            st.just("all_tables"),
            st.builds("table:{}".format, st.text("ab 'é", min_size=1, max_size=5).filter(str.strip)),
            st.builds("every:{}s".format, st.integers(1, 31_000_000)),
            st.sampled_from(["cron:0 0 6 * * MON-FRI", "cron:*/5 * * * * *", "cron:0 0 6 1 * * 2099"]),
            st.sampled_from(["cron:00 0 06 * * 1-5", "cron:0 5/15 6-18/2 ? JAN,2 mon", "cron:******"]),
            st.builds("request:{}".format, st.text("ab/.", min_size=1, max_size=4)),
        ),
        "trigger_arguments": st.one_of(
            st.none(), st.dictionaries(st.one_of(st.just("token"), _TEXTS), st.one_of(st.just("s"), _TEXTS), max_size=3)
        ),
        "trigger_settings": st.fixed_dictionaries(
            {"run_async": st.just(False), "error_behavior": st.sampled_from(["log", "retry", "disable"])}
        ),
        "disabled": st.booleans(),
    }
)
_CONFIGURATIONS = st.lists(_TRIGGERS, max_size=8, unique_by=lambda each: (each["db"], each["trigger_name"]))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with start_engine(tmp_path_factory.mktemp("engine"), object_store="memory") as running:
        yield running


def empty(engine: RunningEngine) -> None:
    for db in engine.client.databases():
        if db != "_internal":
            engine.client.delete_database(db)
    for each in (engine.directory / "plugins").iterdir():
        if each.suffix == ".py" or each.name in {"sub", "by_hand", ADDRESSED}:
            shutil.rmtree(each) if each.is_dir() else each.unlink()


def configure(client: EngineClient, triggers: list[dict[str, Any]]) -> None:
    for db in ("metrics", "logs-2"):
        client.create_database(db)
    for plugin in {each["plugin_filename"] for each in triggers}:
        for path, text in PLUGINS[plugin].items():
            client.create_plugin_file(path, text)
    for each in triggers:
        client.create_trigger(CreateTrigger.model_validate(each))


def exported(client: EngineClient, folder: Path) -> tuple[Declarations, ProgramText]:
    declared = declare(read_server(client, [], lambda _text: None))
    shutil.rmtree(folder, ignore_errors=True)
    for plugin in declared.plugins.values():
        for path, text in plugin.files.items():
            file = folder / plugin.source / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
    return declared, write_program(declared)


class Deployment:
    """Carries out a program without Pulumi, and counts the requests that may change something."""

    def __init__(self, url: str) -> None:
        self.changes: list[str] = []
        transport = httpx.HTTPTransport()
        deployment = self

        class Counting(httpx.BaseTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                deployment._count(request)
                return transport.handle_request(request)

        self._engine = Engine(Configuration(host_url=url, adopt=True), Counting())

    def _count(self, request: httpx.Request) -> None:
        read = (paths.QUERY_SQL, paths.PLUGIN_TEST_SCHEDULE)
        if request.method != "GET" and request.url.path not in read and b".pulumi/" not in request.content:
            self.changes.append(f"{request.method} {request.url.path}")

    def run(self, program: ProgramText) -> None:
        """Run the text of a program with these resources in the place of Pulumi's."""
        ours = types.ModuleType("pulumi_influxdb3_engine")
        for name in ("ALL_TABLES", "cron", "every", "request", "table"):
            setattr(ours, name, getattr(pulumi_influxdb3_engine, name))
        vars(ours).update(Database=self.database, PluginFile=self.file, PluginDirectory=self.directory)
        vars(ours).update(Trigger=self.trigger)
        pulumi = types.ModuleType("pulumi")
        config = types.SimpleNamespace(require_secret=program.secrets.__getitem__)
        vars(pulumi).update(Config=lambda: config, Output=types.SimpleNamespace(concat=lambda *parts: "".join(parts)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "pulumi_influxdb3_engine", ours)
            patch.setitem(sys.modules, "pulumi", pulumi)
            exec(compile(program.text, "__main__.py", "exec"), {})

    def database(self, name: str) -> Any:
        return self._create(DatabaseLogic(), {"db": name})

    def file(self, name: str, source: str | None = None, content: str | None = None) -> Any:
        text = content if source is None else read_file("", source, python=True)
        return self._create(PluginFileLogic(), {"plugin_name": name, "content": text})

    def directory(self, name: str, source: str, **more: Any) -> Any:
        files = files_property(read_directory("", source))
        return self._create(PluginDirectoryLogic(), {"plugin_name": name, "files": files, **more})

    def trigger(self, name: str, **more: Any) -> Any:
        return self._create(TriggerLogic(), {"trigger_name": name, **more})

    def _create(self, logic: ResourceLogic[Any], properties: dict[str, Any]) -> Any:
        inputs = logic.check(logic.inputs_type.checked(properties), self._engine.program)
        logic.create(inputs, self._engine)
        return inputs


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_CONFIGURATIONS)
def test_a_program_changes_nothing_and_makes_the_same_server_again(
    engine: RunningEngine, tmp_path: Path, triggers: list[dict[str, Any]]
) -> None:
    empty(engine)
    configure(engine.client, triggers)
    declared, program = exported(engine.client, tmp_path / "first")
    assert len(declared.triggers) + len(declared.omitted) == len(triggers)
    assert declared.kept == {}

    adopting = Deployment(engine.url)
    with inside(tmp_path / "first"):
        adopting.run(program)
    assert adopting.changes == []

    empty(engine)
    with inside(tmp_path / "first"):
        Deployment(engine.url).run(program)
    _, again = exported(engine.client, tmp_path / "again")
    assert again.text == program.text.partition("# Not in this program:")[0].rstrip("\n") + "\n"
    assert again.secrets == program.secrets


def test_triggers_of_a_locked_server_are_adopted_without_a_change(tmp_path: Path) -> None:
    trigger = {
        "db": "metrics",
        "trigger_name": "t",
        "plugin_filename": "a.py",
        "trigger_specification": "table:cpu",
        "trigger_settings": {"run_async": False, "error_behavior": "log"},
        "disabled": False,
    }
    with start_engine(tmp_path / "engine") as engine:
        configure(engine.client, [trigger])
    with start_engine(tmp_path / "engine", plugin_dir_only=True) as engine:
        declared, program = exported(engine.client, tmp_path / "out")
        adopting = Deployment(engine.url)
        with inside(tmp_path / "out"):
            adopting.run(program)

    assert declared.kept == {"a.py": "its code was not read"}
    assert adopting.changes == []
