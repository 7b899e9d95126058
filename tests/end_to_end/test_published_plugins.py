"""Published plugins in a program: what is deployed, what a preview refuses, and what it asks the registry."""

from __future__ import annotations

import os
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from plugin_registry import PluginRegistry, manifest
from stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine
    from pulumi_cli import PulumiCli

HEADER = """
{
  "plugin_type": ["scheduled"],
  "scheduled_args_config": [
    {"name": "window", "example": "10s", "description": "Time window of each job.", "required": true},
    {"name": "interval", "example": "7min", "description": "Time interval.", "required": false}
  ]
}
"""
SCHEDULED = f'''"""{HEADER}"""
def process_scheduled_call(influxdb3_local, call_time, args=None):
    influxdb3_local.info("window " + args["window"])
'''
REQUEST = "def process_request(influxdb3_local, query, headers, body, args=None):\n    return {answer!r}\n"


@pytest.fixture
def registry(tmp_path: Path) -> PluginRegistry:
    registry = PluginRegistry(tmp_path / "registry")
    registry.publish(
        {"manifest.toml": manifest("rollup", plugins=(("teller", ">=1.0.0,<2.0.0"),)), "rollup.py": SCHEDULED}
    )
    for version, answer in (("1.0.0", "one"), ("1.1.0", "two")):
        files = {
            "manifest.toml": manifest("teller", version, ("process_request",)),
            "teller_plugin.py": REQUEST.format(answer=answer),
        }
        registry.publish(files)
    return registry


@pytest.fixture
def stack(tmp_path: Path, cli: PulumiCli, engine: RunningEngine, registry: PluginRegistry) -> Iterator[Stack]:
    environment = os.environ | {"PULUMI_INFLUXDB3_CACHE": str(tmp_path / "cache")}
    config = {"influxdb3:hostUrl": engine.url, "influxdb3:registry": registry.url}
    stack = Stack(tmp_path / "stack", cli, environment, config=config)
    yield stack
    stack.destroy(expect=None)


def program(db: str, arguments: str = "'window': '10s'", more: str = "") -> str:
    return dedent(f"""
        rollup = Plugin("rollup", version="^1", retain=False{more})
        teller = rollup.dependencies["teller"]
        Trigger("tell", db="{db}", plugin_filename=teller.plugin_filename, trigger_specification=request("{db}"))
        Trigger("roll", db="{db}", plugin_filename=rollup.plugin_filename, trigger_specification=every("1h"),
                trigger_arguments={{{arguments}}})
        pulumi.export("version", teller.version)
    """)


def test_a_plugin_is_deployed_with_what_it_depends_on(stack: Stack, engine: RunningEngine, db: str) -> None:
    stack.program(program(db))
    assert "1.1.0" in stack.preview().output
    stack.up()
    assert engine.client.call_request_trigger(db).text == "two"
    assert stack.outputs()["version"] == "1.1.0"
    assert stack.up().changes() == ""


def test_a_plugin_that_two_plugins_depend_on_is_deployed_once(stack: Stack, registry: PluginRegistry, db: str) -> None:
    files = {"manifest.toml": manifest("other", plugins=(("Teller", "1.1"),)), "other.py": SCHEDULED}
    registry.publish(files)
    stack.program(program(db) + 'Plugin("other", version="1.0.0")\n')
    stack.up()
    assert [name for name in stack.resources() if "teller" in name] == ["teller"]


def test_a_dependency_that_the_program_declares_first_is_used(stack: Stack, engine: RunningEngine, db: str) -> None:
    stack.program('Plugin("teller", version="=1.0.0", retain=False)\n' + program(db))
    stack.up()
    assert engine.client.call_request_trigger(db).text == "one"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('Plugin("rollup", version="2.0.0")', "has no rollup 2.0.0: it has 1.0.0"),
        ('Plugin("rolup", version="1.0.0")', "has no plugin 'rolup': it has rollup"),
        ('Plugin("rollup")', "version is missing: write version='1.0.0', which is the newest"),
        ('Plugin("rollup", version="latest")', "'latest' is not a range of versions"),
        ('Plugin("rollup", version="1.0.0", registry="ftp://host/index.json")', "https:// or http:// or file://"),
        ('Plugin("rollup", version="1.0.0"); Plugin("again", name="rollup", version="1.0.0")', "use that one"),
        ('Plugin("rollup", version="1.0.0"); Plugin("teller", version="1.0.0")', "declare this one first"),
        ('Plugin("x", source="nowhere")', "is not a directory"),
        ('Plugin("x", source=".", version="1.0.0")', "set version for a plugin of a registry, or source for a folder"),
        ('Plugin("x", version=pulumi.Output.from_input("1.0.0"))', "version is a text that the program knows"),
    ],
)
def test_an_invalid_declaration_is_an_error_without_a_traceback(stack: Stack, text: str, problem: str) -> None:
    stack.program(text)
    ran = stack.preview(expect=None)
    assert ran.status != 0
    assert problem in ran.output
    assert not ran.has_traceback()


def test_a_version_that_two_plugins_cannot_share_is_refused(stack: Stack, registry: PluginRegistry, db: str) -> None:
    registry.publish({"manifest.toml": manifest("old", plugins=(("teller", "=1.0.0"),)), "old.py": SCHEDULED})
    stack.program(program(db) + 'Plugin("old", version="1.0.0")\n')
    assert "old needs teller =1.0.0, and the program has 1.1.0" in stack.preview(expect=1).output


def test_a_missing_required_argument_is_refused_with_its_description_and_example(stack: Stack, db: str) -> None:
    stack.program(program(db, "'interval': '5min'"))
    output = stack.preview(expect=1).output
    assert "the plugin requires the argument 'window': Time window of each job. Example: '10s'" in output


def test_arguments_from_a_file_are_not_required(stack: Stack, engine: RunningEngine, db: str) -> None:
    more = ", files={'rollup.toml': 'window = \"10s\"'}"
    stack.program(program(db, "'config_file_path': 'rollup.toml'", more))
    stack.up()
    assert stack.resources()["rollup-rollup.toml"]["outputs"]["content"] == 'window = "10s"'


def test_an_unknown_argument_is_a_warning_with_the_nearest_name(stack: Stack, db: str) -> None:
    stack.program(program(db, "'window': '10s', 'intervall': '5min'"))
    output = stack.preview().output
    assert "has no argument 'intervall': did you mean 'interval'?" in output


def test_a_new_schedule_is_shown_with_its_next_runs(stack: Stack, db: str) -> None:
    stack.program(program(db))
    output = stack.preview().output
    assert "next runs (UTC): 2" in output


def test_a_second_deployment_sends_the_registry_no_request(stack: Stack, registry: PluginRegistry, db: str) -> None:
    with registry.served():
        stack.run("config", "set", "influxdb3:registry", registry.url, expect=0)
        stack.program(program(db))
        stack.up()
        asked = len(registry.asked)
        assert asked == 3
        stack.up()
        stack.preview()
        assert len(registry.asked) == asked


def test_a_folder_with_a_manifest_is_a_plugin(stack: Stack, engine: RunningEngine, db: str) -> None:
    folder = stack.directory / "plugins" / "mine"
    folder.mkdir(parents=True)
    (folder / "manifest.toml").write_text(manifest("mine", triggers=("process_request",), exclude=("test_*",)))
    (folder / "__init__.py").write_text("from .words import WORD\n" + REQUEST.format(answer="").replace("''", "WORD"))
    (folder / "words.py").write_text("WORD = 'mine'\n")
    (folder / "test_words.py").write_text("")
    stack.program(f"""
        mine = Plugin("mine", source="plugins/mine")
        Trigger("t", db="{db}", plugin_filename=mine.plugin_filename, trigger_specification=request("{db}"))
    """)
    stack.up()
    assert engine.client.call_request_trigger(db).text == "mine"
    assert "./test_words.py" not in stack.resources()["mine"]["outputs"]["files"]


def test_a_server_of_another_release_is_refused_before_a_file_is_written(
    stack: Stack, registry: PluginRegistry, engine: RunningEngine, db: str
) -> None:
    registry.publish(
        {
            "manifest.toml": manifest("next", triggers=("process_request",), database_version=">=99"),
            "next.py": REQUEST.format(answer="x"),
        }
    )
    stack.program('Plugin("next", version="1.0.0")')
    output = stack.up(expect=1).output
    assert "the plugin runs on InfluxDB >=99, and" in output
    assert "next" not in stack.resources()


def test_a_module_that_the_server_lacks_fails_the_trigger_before_it_is_created(
    stack: Stack, engine: RunningEngine, db: str
) -> None:
    code = "import json\nimport no_such_module.part\n" + REQUEST.format(answer="x")
    stack.program(f"""
        plugin = PluginFile("{db}.py", content={code!r})
        Trigger("t", db="{db}", plugin_filename=plugin.plugin_filename, trigger_specification=request("{db}"))
    """)
    output = stack.up(expect=1).output
    assert f"'no_such_module.part' ({db}.py, line 2)" in output
    assert "PackageSet(packages=['no_such_module'])" in output
    assert "t" not in stack.resources()
