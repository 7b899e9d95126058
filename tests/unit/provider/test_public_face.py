"""What a program sees of the package: arguments, outputs, help, names that are deprecated."""

from __future__ import annotations

import base64
import dataclasses
import inspect
import json
import pydoc
import re
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import dill
import pulumi
import pytest
from pulumi.dynamic.dynamic import serialize_provider

import pulumi_influxdb3_engine as public
from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._sources import SourceError

RESOURCES = [
    public.Database,
    public.PackageSet,
    public.PluginDirectory,
    public.PluginFile,
    public.Table,
    public.Trigger,
]
READ_IN_THE_PROGRAM = {"source", "sha256", "exclude"}
"""Arguments that become other properties: the text of files."""
DEPRECATED = {"delete_on_destroy"}
PROVIDERS_OF_0_1_0 = json.loads(Path(__file__).with_name("providers_of_0_1_0.json").read_text())


def args_type(resource: Any) -> Any:
    return getattr(public, f"{resource.__name__}Args")


def keyword_arguments(resource: Any) -> dict[str, inspect.Parameter]:
    signature = inspect.signature(typing.get_overloads(resource.__init__)[-1])
    return {name: each for name, each in signature.parameters.items() if name not in {"self", "resource_name", "opts"}}


def help_of(thing: Any) -> str:
    return pydoc.plain(pydoc.render_doc(thing))


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_keyword_arguments_are_those_of_the_one_value(resource: Any) -> None:
    fields = {field.name: (field.type, field.default) for field in dataclasses.fields(args_type(resource))}
    required = {name for name, (_, default) in fields.items() if default is dataclasses.MISSING}

    assert {name: each.annotation for name, each in keyword_arguments(resource).items()} == {
        name: type_ for name, (type_, _) in fields.items()
    }
    assert {name for name, each in keyword_arguments(resource).items() if each.default is each.empty} == required
    assert {default for _, default in fields.values()} <= {None, dataclasses.MISSING}


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_argument_takes_an_output_but_what_the_program_reads(resource: Any) -> None:
    hints = typing.get_type_hints(args_type(resource), localns={"Output": pulumi.Output, "T": typing.Any})

    without = {name for name, hint in hints.items() if not any(is_output(each) for each in typing.get_args(hint))}
    assert without <= READ_IN_THE_PROGRAM


def is_output(hint: Any) -> bool:
    return typing.get_origin(hint) is pulumi.Output


def own_outputs(resource: Any) -> dict[str, property]:
    """The outputs that this package defines, inherited ones included."""
    ours = [each for each in resource.__mro__ if each.__module__.startswith(public.__name__)]
    return {name: each for kind in ours for name, each in vars(kind).items() if isinstance(each, property)}


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_argument_is_an_output_with_a_docstring(resource: Any) -> None:
    arguments = keyword_arguments(resource).keys() - READ_IN_THE_PROGRAM - DEPRECATED
    outputs = own_outputs(resource)

    assert arguments - outputs.keys() == set()
    for each in outputs.values():
        assert inspect.getdoc(each)
        assert each.fget.__annotations__["return"].startswith("pulumi.Output[")


@pytest.mark.parametrize("resource", RESOURCES)
def test_help_shows_arguments_and_outputs(resource: Any) -> None:
    text = help_of(resource)

    for name in keyword_arguments(resource):
        assert f"{name}: " in text.partition("\n\n")[0] + text.partition("Method resolution")[0]
    for name, each in own_outputs(resource).items():
        assert f"\n |  {name}\n |      {str(inspect.getdoc(each)).splitlines()[0]}" in text
    assert "provider: The implementation" not in text.partition("inherited from pulumi")[0]


@pytest.mark.parametrize("name", [name for name in public.__all__ if name != "ALL_TABLES"])
def test_help_of_everything_public_begins_with_a_sentence(name: str) -> None:
    first = inspect.cleandoc(getattr(public, name).__doc__).partition("\n")[0]

    assert first[0].isupper()
    assert first.endswith((".", "``.", "``"))
    assert name in help_of(getattr(public, name))


def declared(program: str) -> Any:
    """What a program's resources pass on, by a program of its own: the SDK keeps one loop and one deployment."""
    head = (
        "import asyncio, json, pulumi\n"
        "from pulumi.runtime import Mocks, set_mocks, test\n"
        "from pulumi_influxdb3_engine import *\n"
        "class Recorder(Mocks):\n"
        "    seen = {}\n"
        "    def new_resource(self, args):\n"
        "        self.seen[args.name] = {k: v for k, v in args.inputs.items() if k != '__provider'}\n"
        "        return args.name, args.inputs\n"
        "    def call(self, args):\n"
        "        return {}\n"
        "recorder = Recorder()\n"
        "asyncio.set_event_loop(asyncio.new_event_loop())\n"  # the SDK needs one, which Python 3.14 does not make
        "set_mocks(recorder, preview=False)\n"
        "shown = {}\n"
        "def show(**outputs):\n"
        "    for name, output in outputs.items():\n"
        "        output.apply(lambda value, name=name: shown.__setitem__(name, value))\n"
        "@test\n"
        "def run():\n"
    )
    body = "".join(f"    {line}\n" for line in inspect.cleandoc(program).splitlines())
    tail = "run()\nprint(json.dumps([recorder.seen, shown]))\n"
    run = subprocess.run([sys.executable, "-c", head + body + tail], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_one_value_and_keyword_arguments_declare_the_same() -> None:
    seen, _ = declared(
        """
        arguments = dict(plugin_filename="p.py", trigger_specification=ALL_TABLES, db="d", adopt=True,
                         trigger_settings={"run_async": True}, watch=Watch(seconds=1), restart_on=(1, "a"))
        opts = pulumi.ResourceOptions(protect=True)
        Trigger("keywords", trigger_name="t", **arguments)
        Trigger("named", args=TriggerArgs(trigger_name="t", **arguments), opts=opts)
        Trigger("second", TriggerArgs(trigger_name="t", **arguments), opts)
        """
    )

    assert seen["keywords"] == seen["named"] == seen["second"]
    assert seen["keywords"]["watch"] == {"seconds": 1, "runs": 1}


def test_options_that_are_not_set_are_outputs_of_their_defaults() -> None:
    seen, shown = declared(
        """
        trigger = Trigger("t", plugin_filename="p.py", trigger_specification=ALL_TABLES, db="d")
        file = PluginFile("p.py", content="x = 1")
        show(adopt=trigger.adopt, watch=trigger.watch, node_spec=trigger.node_spec, handover=trigger.handover,
             restart_on=trigger.restart_on, force_delete=trigger.force_delete, retain=file.retain, test=file.test,
             database=Database("d").adopt, in_place=PluginDirectory("d", files={"__init__.py": ""}).in_place)
        """
    )

    assert shown == {
        "adopt": False,
        "watch": None,
        "node_spec": None,
        "handover": None,
        "restart_on": None,
        "force_delete": False,
        "retain": True,
        "test": None,
        "database": False,
        "in_place": False,
    }
    assert seen["t"].keys() == {"db", "trigger_name", "plugin_filename", "trigger_specification", "disabled"}


def test_both_words_for_what_stays_on_destroy_pass_the_same_on() -> None:
    seen, shown = declared(
        """
        for name, arguments in {
            "none": {}, "kept": {"retain": True}, "gone": {"retain": False}, "old": {"delete_on_destroy": True},
            "both": {"retain": False, "delete_on_destroy": True},
            "later": {"retain": pulumi.Output.from_input(False)},
            "later_old": {"delete_on_destroy": pulumi.Output.from_input(True)},
            "secret": {"retain": pulumi.Output.secret(False), "delete_on_destroy": True},
        }.items():
            packages = PackageSet(name, packages=["six"], **arguments)
            show(**{name: packages.retain})
        """
    )

    assert {name for name, each in seen.items() if each.get("delete_on_destroy")} == {
        "gone",
        "old",
        "both",
        "later",
        "later_old",
        "secret",
    }
    assert {name for name, retained in shown.items() if retained} == {"none", "kept"}


def test_options_merge_with_those_that_a_resource_needs() -> None:
    declared(
        """
        class Mine(Trigger):
            '''A resource of the program's own, with its own signature.'''
            def __init__(self, name, db):
                super().__init__(name, plugin_filename="p.py", trigger_specification=ALL_TABLES, db=db)
        import inspect
        assert list(inspect.signature(Mine).parameters) == ["name", "db"], inspect.signature(Mine)
        Mine("mine", "d")
        """
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"args": public.DatabaseArgs()}, "Trigger 't': args is a TriggerArgs, not a value of the type DatabaseArgs"),
        ({"args": pulumi.ResourceOptions()}, "args is a TriggerArgs, not a value of the type ResourceOptions"),
        (
            {"args": public.TriggerArgs(plugin_filename="p", trigger_specification="s"), "db": "d"},
            "Trigger 't': pass db inside args, or all arguments by keyword",
        ),
        ({"plugin_filename": "p"}, "missing 1 required keyword-only argument: 'trigger_specification'"),
        ({"plugin_file": "p"}, "unexpected keyword argument 'plugin_file'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(TypeError, match=re.escape(told)):
        public.Trigger("t", **arguments)


@pytest.mark.parametrize("resource", [public.PackageSet, public.PluginDirectory, public.PluginFile])
def test_two_words_that_contradict_each_other_are_refused(resource: Any) -> None:
    given: dict[str, Any] = {"packages": ["six"]} if resource is public.PackageSet else {}
    given |= {"files": {"__init__.py": ""}} if resource is public.PluginDirectory else {}
    given |= {"content": ""} if resource is public.PluginFile else {}

    with pytest.warns(DeprecationWarning, match="delete_on_destroy"), pytest.raises(SourceError, match="contradict"):
        resource("x", **given, retain=True, delete_on_destroy=True)


@pytest.mark.parametrize("name", ["test_wal_plugin", "test_schedule_plugin"])
def test_deprecated_functions_warn_and_are_no_tests(name: str) -> None:
    function = getattr(public, name)
    new = getattr(public, function.__deprecated__.removeprefix("call "))

    assert function.__test__ is False
    assert inspect.signature(function) == inspect.signature(new)
    told = rf"{name}\(...\): the name is deprecated: write {new.__name__}\(...\)"
    # what is refused after the warning needs no deployment
    with pytest.warns(DeprecationWarning, match=told), pytest.raises(SourceError, match="not bytes"):
        function("p.py", db=b"no text", **({"input_lp": ""} if "wal" in name else {}))


def test_pytest_collects_none_of_the_deprecated_names(tmp_path: Path) -> None:
    (tmp_path / "test_imports.py").write_text("from pulumi_influxdb3_engine import *\n\ndef test_mine():\n    pass\n")

    # anyio's plugin has a deprecation of its own in some versions
    without = ["-p", "no:cacheprovider", "-p", "no:anyio"]
    command = [sys.executable, "-m", "pytest", "-q", *without, "-W", "error::DeprecationWarning"]
    run = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert "1 passed" in run.stdout, run.stdout


def test_the_providers_that_0_1_0_put_into_state_files_load() -> None:
    kinds = {provider.__name__: provider for provider in EngineProvider.__subclasses__()}

    assert kinds.keys() - PROVIDERS_OF_0_1_0.keys() == {"TableProvider"}
    for name, text in PROVIDERS_OF_0_1_0.items():
        loaded = dill.loads(base64.b64decode(text))
        assert type(loaded) is kinds[name]
        assert type(loaded._logic()).__name__ == name.replace("Provider", "Logic")


def test_what_state_files_hold_of_the_providers_does_not_change() -> None:
    # another text would be a change of every resource
    written = {provider.__name__: serialize_provider(provider()) for provider in EngineProvider.__subclasses__()}

    assert {name: written[name] for name in PROVIDERS_OF_0_1_0} == PROVIDERS_OF_0_1_0
    assert all(len(text) < 120 for text in written.values())  # the name of the class, not its code
