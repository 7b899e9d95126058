"""Whether a server has the modules that a trigger's plugin imports: what is asked, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.plugins.file import PluginFileInputs, PluginFileLogic
from influxdb3_engine_resources.plugins.source import parse_directory, parse_file
from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from fake_server import FakeServer

    from influxdb3_engine_resources.server.engine import Engine

LOGIC = TriggerLogic()
ENTRY = "def process_scheduled_call(influxdb3_local, call_time, args=None): ...\n"


def modules(code: str) -> list[str]:
    return [each.module for each in parse_file("p.py", code + ENTRY).imports]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import a, b.c as d\nfrom e.f import g\n", ["a", "b.c", "e.f"]),
        ("import json, os.path\nfrom urllib.request import urlopen\n", []),
        ("try:\n    import a\nexcept ImportError:\n    a = None\nelse:\n    import b\n", ["b"]),
        ("try:\n    import a\nfinally:\n    pass\n", ["a"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\n", []),
        ("import sys\nif sys.platform == 'win32':\n    import a\n", []),
        ("def f():\n    import a\n", []),
        ("class A:\n    import a\n", ["a"]),
        ("with open('x'):\n    import a\n", ["a"]),
        ("import influxdb3_local_typo\n", ["influxdb3_local_typo"]),
    ],
)
def test_modules_that_a_plugin_cannot_be_loaded_without(code: str, expected: list[str]) -> None:
    assert sorted(modules(code)) == expected


def test_modules_of_a_directory_are_its_own() -> None:
    files = {
        "__init__.py": "from .words import a\nimport pandas\n" + ENTRY,
        "words.py": "import words, numpy as n\na = 1\n",
    }

    imports = parse_directory(files).imports

    assert sorted((each.module, each.file, each.line) for each in imports) == [
        ("numpy", "words.py", 1),
        ("pandas", "__init__.py", 2),
    ]


def declared(server: FakeServer, code: str, names: tuple[str, ...] = ("t",)) -> tuple[Engine, list[TriggerInputs]]:
    engine = server.engine()
    engine.client.create_plugin_file("p.py", code + ENTRY)
    server.requests.clear()
    PluginFileLogic().check(PluginFileInputs.checked({"plugin_name": "p.py", "content": code + ENTRY}), engine.program)
    given: dict[str, Any] = {"db": "db", "plugin_filename": "p.py", "trigger_specification": "every:1h"}
    made = [LOGIC.check(TriggerInputs.checked({**given, "trigger_name": name}), engine.program) for name in names]
    return engine, made


def test_a_missing_module_is_named_before_anything_is_created(server: FakeServer) -> None:
    engine, (trigger,) = declared(server, "import json\nimport no_such_module.part\n")

    with pytest.raises(ResourceError) as refused:
        LOGIC.create(trigger, engine)

    assert "'no_such_module.part' (p.py, line 2)" in str(refused.value)
    assert "PackageSet(packages=['no_such_module'])" in str(refused.value)
    assert not [each for each in server.requests if each.startswith("create")]


def test_one_set_of_imports_is_asked_for_once(server: FakeServer) -> None:
    engine, triggers = declared(server, "import pytest, httpx\n", ("t", "u", "v"))
    for trigger in triggers:
        LOGIC.create(trigger, engine)

    assert len([each for each in server.requests if "probe" in each and not each.startswith("write")]) == 1


def test_a_plugin_of_the_standard_library_alone_asks_nothing(server: FakeServer) -> None:
    engine, (trigger,) = declared(server, "import json\n")
    LOGIC.create(trigger, engine)

    assert server.requests == ["create t"]


def test_modules_of_namespace_packages_are_looked_for_further(server: FakeServer, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "site" / "vendor" / "present").mkdir(parents=True)
    (tmp_path / "site" / "vendor" / "present" / "__init__.py").write_text("raise SystemExit('not to be run')\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    engine, (trigger,) = declared(server, "import vendor.present.made_at_import\nimport vendor.absent\n")

    with pytest.raises(ResourceError, match=r"does not have: 'vendor\.absent' \(p\.py, line 2\)\."):
        LOGIC.create(trigger, engine)
