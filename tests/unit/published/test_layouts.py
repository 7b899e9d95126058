"""Manifests and plugin directories: what they say, and what is refused."""

from __future__ import annotations

import pytest
from plugin_registry import manifest

from influxdb3_engine_resources.published.errors import PublishedError
from influxdb3_engine_resources.published.layout import PublishedPlugin, entry_point, selected
from influxdb3_engine_resources.published.manifest import parse_manifest

CODE = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    pass\n"


def test_a_manifest_is_read_whole() -> None:
    text = manifest("roll-up", "1.2.0", python=("requests>=2,<3",), plugins=(("notifier", "^1"),), exclude=("*.png",))

    read = parse_manifest(text, "manifest.toml")

    assert (read.plugin.name, read.plugin.version.text, read.plugin.exclude) == ("roll-up", "1.2.0", ("*.png",))
    assert read.dependencies.python == ("requests>=2,<3",)
    assert [(each.name, each.version.text) for each in read.dependencies.plugins] == [("notifier", "^1")]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"1.3"', '"2.0"', "this release reads 1.x"),
        ('"1.3"', '"1"', "is not MAJOR.MINOR"),
        ("manifest_schema_version", "schema", "is missing"),
        ('name = "rollup"', 'name = "1rollup"', "plugin.name: '1rollup' is not a plugin's name"),
        ('name = "rollup"', 'name = "COM1"', "is not a plugin's name"),
        ('version = "1.0.0"', 'version = "1.0"', "plugin.version: '1.0' is not a version"),
        ('"A plugin for tests."', '"two\\nlines"', "plugin.description"),
        ('["process_scheduled_call"]', "[]", "plugin.triggers"),
        ('["process_scheduled_call"]', '["process_all"]', "plugin.triggers.0"),
        ('">=3.0.0"', '"latest"', "dependencies.database_version: 'latest' is not a range"),
        ("python = []", 'python = ["not a requirement!"]', "dependencies.python.0"),
        ("[plugin]", "[plugins]", "plugin: Field required"),
        ("[dependencies]", "[dependencies", "is not TOML"),
    ],
)
def test_what_a_manifest_gets_wrong_is_named(old: str, new: str, problem: str) -> None:
    with pytest.raises(PublishedError, match="the file") as refused:
        parse_manifest(manifest("rollup").replace(old, new, 1), "the file")

    assert problem in str(refused.value)


def test_fields_of_newer_schemas_are_ignored() -> None:
    text = manifest("rollup").replace('"1.3"', '"1.99"').replace("[dependencies]", 'new = "field"\n[dependencies]')

    assert parse_manifest(text, "manifest.toml").plugin.name == "rollup"


def test_a_dependency_that_is_named_twice_is_refused() -> None:
    with pytest.raises(PublishedError, match="twice"):
        parse_manifest(manifest("rollup", plugins=(("geo-lookup", "1"), ("Geo_Lookup", "2"))), "manifest.toml")


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a.py", "README.md", "lib/b.py"], "a.py"),
        (["__init__.py", "a.py", "b.py"], "__init__.py"),
        (["a.py", "B.PY"], "a.py"),
    ],
)
def test_the_entry_point_is_found(paths: list[str], expected: str) -> None:
    assert entry_point(paths) == expected


@pytest.mark.parametrize("paths", [[], ["lib/a.py"], ["a.py", "b.py"], ["A.PY"], ["__INIT__.PY"]])
def test_no_entry_point_or_several_are_refused(paths: list[str]) -> None:
    with pytest.raises(PublishedError):
        entry_point(paths)


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ([], ["a.py", "cache/keep.pyc", "cache/x.pyc", "test_a.py"]),
        (["*.py", "!a.py"], ["a.py", "cache/keep.pyc", "cache/x.pyc"]),
        (["cache/"], ["a.py", "test_a.py"]),
        (["cache/", "!cache/keep.pyc"], ["a.py", "cache/keep.pyc", "test_a.py"]),
        (["!cache/keep.pyc", "cache/"], ["a.py", "cache/keep.pyc", "test_a.py"]),
        (["/test_*", "*.pyc"], ["a.py"]),
    ],
)
def test_excluded_files_are_left_out_as_the_sdk_does(exclude: list[str], left: list[str]) -> None:
    assert selected(["a.py", "test_a.py", "cache/x.pyc", "cache/keep.pyc"], exclude) == left


@pytest.mark.parametrize(
    "code",
    [
        "async " + CODE,
        "class A:\n    def process_scheduled_call(self, b, c=None): ...\n",
        "if True:\n    def process_scheduled_call(a, b, c=None): ...\n",
        "process_scheduled_call = print\n",
        CODE + "async " + CODE,
        "def broken(:\n",
    ],
)
def test_a_trigger_without_its_function_is_refused(code: str) -> None:
    with pytest.raises(PublishedError, match="the plugin"):
        PublishedPlugin({"manifest.toml": manifest("rollup"), "rollup.py": code}, "the plugin")


def test_a_plugin_knows_its_files() -> None:
    files = {
        "manifest.toml": manifest("rollup", exclude=("tests/",)),
        "rollup.py": CODE,
        "tests/t.py": "",
        "a.png": None,
    }

    plugin = PublishedPlugin(files, "the plugin")

    assert (plugin.entry_point, plugin.is_directory, plugin.code) == ("rollup.py", False, CODE)
    assert plugin.files.keys() == {"manifest.toml", "rollup.py", "a.png"}
