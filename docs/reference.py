"""Writes the reference, ``provider/pulumi_influxdb3_engine/README.md``: ``uv run docs/reference.py``.

Texts, types and defaults come from the docstrings and annotations of the package. What a change does comes from the
package, too: each resource is declared with one argument changed, and the provider is asked for the difference.

With ``--check`` the command writes nothing. It fails and shows the difference if the file is not up to date.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import dataclasses
import difflib
import hashlib
import inspect
import io
import itertools
import re
import sys
import tempfile
import typing
import zipfile
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import Mocks, set_mocks, test

import pulumi_influxdb3_engine as public
from influxdb3_engine_resources import stack_keys
from influxdb3_engine_resources.configuration import Configuration, Servers
from influxdb3_engine_resources.plugins.directory import files_sha256
from influxdb3_engine_resources.triggers.inputs import ONLY_FOR_US, TriggerInputs
from influxdb3_engine_resources.triggers.update import smallest_change
from pulumi_influxdb3_engine._adapter import Adapter

if typing.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "provider/pulumi_influxdb3_engine/README.md"

RESOURCES = ["Trigger", "PluginFile", "PluginDirectory", "PackageSet", "Database", "Table"]
VALUES = ["TriggerSettings", "Watch", "WalTest", "ScheduleTest", "PluginManifest"]
HELPERS = ["every", "cron", "table", "request"]
FUNCTIONS = ["invoke_request", "dry_run_wal", "dry_run_schedule", "engine_names"]
ANSWERS = ["RequestAnswer", "DryRunAnswer"]
ERRORS = ["RequestFailed", "DryRunFailed"]
DEPRECATED = ["test_wal_plugin", "test_schedule_plugin"]
NOT_ON_THE_PAGE = {"ALL_TABLES", "Plugin"}  # the text of the page names them
READ_BY_THE_PROGRAM = {"source", "sha256", "exclude"}

# ---- what a change of an argument does -------------------------------------------------------------------------------

CODE = "def process_scheduled_call(influxdb3_local, call_time, args=None): ...\n"
OTHER_CODE = CODE.replace("...", "pass")
BEFORE: dict[str, dict[str, Any]] = {
    "Trigger": {"db": "home", "trigger_name": "t", "plugin_filename": "p.py", "trigger_specification": "every:10s"},
    "PluginFile": {"plugin_name": "p.py", "content": CODE},
    "PluginDirectory": {"plugin_name": "p", "files": {"__init__.py": CODE}, "trigger_name": "t"},
    "PackageSet": {"packages": ["psutil"]},
    "Database": {"db": "home"},
    "Table": {"db": "home", "table_name": "cpu", "fields": {"usage": "float64"}},
}
"""The arguments of each resource before a change."""

AFTER: dict[str, Any] = {
    "adopt": True,
    "content": OTHER_CODE,
    "db": "other",
    "delete_on_destroy": True,
    "disabled": True,
    "engine": "berlin",
    "fields": {"usage": "float64", "idle": "float64"},
    "files": {"__init__.py": OTHER_CODE},
    "force_delete": True,
    "handover": "cut",
    "in_place": True,
    "manifest": {"database_version": ">=3.10"},
    "node_spec": "all",
    "packages": ["psutil", "requests"],
    "plugin_filename": "q.py",
    "plugin_name": "other",
    "reinstall": "2026-12",
    "requirements": "psutil==7.0\n",
    "restart_on": ["2"],
    "retain": False,
    "table_name": "other",
    "tags": ["host"],
    "test": public.ScheduleTest(),
    "trigger_arguments": {"window": "10m"},
    "trigger_name": "other",
    "trigger_settings": {"error_behavior": "disable"},
    "trigger_specification": "every:20s",
    "watch": public.Watch(seconds=30),
}
"""Each argument to another value, except for those that need files."""

ALTERNATIVES = {"source": {"content": None, "files": None}, "requirements": {"packages": None}}
"""Argument to the arguments that cannot be set beside it."""
STORED = "stored; nothing is sent"
NEW_FIRST = "replaced; the new one is created first"
OLD_FIRST = "replaced; the old one makes way first"


def change_of(kind: str, argument: str, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of a resource before and after one of them changes.

    Args:
        kind: The resource.
        argument: The argument that changes.
        folder: A folder with two plugins, for arguments that need files.

    Raises:
        SystemExit: ``AFTER`` has no value for the argument.
    """
    before = dict(BEFORE[kind])
    one, other = (
        (folder / "one.py", folder / "other.py") if kind == "PluginFile" else (folder / "one", folder / "other")
    )
    text = {"PluginFile": "content", "PluginDirectory": "files"}.get(kind, "")
    without_text = {name: value for name, value in before.items() if name != text}
    if argument == "source":
        return without_text | {"source": one}, without_text | {"source": other}
    if argument == "sha256":
        one = folder / ("one.py" if kind == "PluginFile" else "one.zip")
        pinned = {"sha256": hashlib.sha256(one.read_bytes()).hexdigest()}
        return without_text | {"source": _archive(one)}, without_text | {"source": _archive(one)} | pinned
    if argument == "exclude":
        return without_text | {"source": one}, without_text | {"source": one, "exclude": ["*.txt"]}
    if argument == "expected_sha256":
        sha256 = hashlib.sha256(CODE.encode()).hexdigest() if kind == "PluginFile" else files_sha256(before["files"])
        return before, before | {argument: sha256}
    if argument not in AFTER:
        raise SystemExit(f"{kind}.{argument}: add another value for it to AFTER in docs/reference.py")
    without = {name for name in before if name in ALTERNATIVES.get(argument, {})}
    return before, {name: value for name, value in before.items() if name not in without} | {argument: AFTER[argument]}


def _archive(file: Path) -> Any:
    return pulumi.FileArchive(str(file)) if file.suffix == ".zip" else file


def write_samples(folder: Path) -> None:
    """Write the plugins that ``change_of`` needs."""
    for name, code in {"one": CODE, "other": OTHER_CODE}.items():
        (folder / f"{name}.py").write_text(code)
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(code)
        (folder / name / "notes.txt").write_text("notes\n")
    with zipfile.ZipFile(folder / "one.zip", "w") as archive:
        archive.writestr("__init__.py", CODE)


class Recorder(Mocks):
    """Keeps what each declared resource passes to Pulumi."""

    def __init__(self) -> None:
        self.inputs: dict[str, dict[str, Any]] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        """Keep the inputs of a resource."""
        self.inputs[args.name] = dict(args.inputs)
        return args.name, args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        """Answer a function of another provider; the samples call none."""
        raise NotImplementedError(args.token)


class ServerIsUsed(Exception):
    """An update needs a server."""


class NoServer:
    """Stands for a server; any use of it raises ``ServerIsUsed``."""

    def __getattr__(self, name: str) -> Any:
        raise ServerIsUsed(name)


def effects() -> dict[tuple[str, str], str]:
    """Resource and argument to what a change of the argument does."""
    recorder = Recorder()
    asyncio.set_event_loop(asyncio.new_event_loop())  # the SDK needs one, which Python 3.14 does not make
    set_mocks(recorder, preview=True)
    cases = [(kind, argument) for kind in RESOURCES for argument in arguments_of(getattr(public, kind))]
    with tempfile.TemporaryDirectory() as temporary, contextlib.redirect_stderr(io.StringIO()):
        folder = Path(temporary)
        write_samples(folder)

        @test  # type: ignore[untyped-decorator]
        def declare() -> None:
            for kind, argument in cases:
                for when, arguments in zip(("before", "after"), change_of(kind, argument, folder), strict=True):
                    getattr(public, kind)(f"{kind} {argument} {when}", **arguments)

        declare()
        found = {}
        for kind, argument in cases:
            before, after = (recorder.inputs[f"{kind} {argument} {when}"] for when in ("before", "after"))
            found[kind, argument] = effect(kind, before, after)
    return found


_numbers = itertools.count(1)


def effect(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What turning one set of properties into another does, by the provider's own answer."""
    resource = getattr(public, kind)
    provider = getattr(sys.modules[resource.__module__], f"{kind}Provider")()
    logic = provider._logic()
    checked: dict[str, Any] = {}
    for news in (before, after):
        # resources of one configuration are checked against each other
        own = float(next(_numbers))
        berlin = Configuration(engine="berlin", host_url="http://berlin:8181", timeout=own)
        adapter = Adapter(logic, provider.inputs_of_stack, Servers(Configuration(timeout=own), {"berlin": berlin}))
        result = adapter.check(checked, dict(news))
        if result.failures:
            raise SystemExit(f"{kind}: {result.failures[0].reason}")
        state, checked = checked, result.inputs
    difference = adapter.diff(state, checked)
    if difference.replaces:
        return OLD_FIRST if difference.delete_before_replace else NEW_FIRST
    if difference.changes is False:
        return STORED
    old, new = logic.inputs_type.stored(state), logic.inputs_type.stored(checked)
    if isinstance(old, TriggerInputs):
        return smallest_change(old.changed(new, ONLY_FOR_US | {"endpoint_url"})).value
    try:
        logic.update(old, new, NoServer())
    except ServerIsUsed:
        return "updated"
    return STORED


# ---- docstrings and annotations --------------------------------------------------------------------------------------

_SECTION = re.compile(r"(Args|Attributes|Raises|Returns):")
_DEFAULT = re.compile(r"(?:;\s+default:|(?:^|(?<=\.\s))Default:)\s+(?P<value>.+?)(?:\.(?=\s|$)|$)", re.DOTALL)


def documented(thing: Any) -> tuple[str, dict[str, dict[str, str]]]:
    """The text of a docstring, and its sections: name of each to entry to text."""
    prose: list[str] = []
    sections: dict[str, dict[str, str]] = {}
    section: dict[str, str] | None = None
    entry = ""
    for line in inspect.cleandoc(thing.__doc__ or "").splitlines():
        if heading := _SECTION.fullmatch(line):
            section = sections.setdefault(heading[1], {})
        elif section is not None and (not line or line.startswith(" ")):
            if found := re.match(r"    (\w[\w.]*): (.*)", line):
                entry = found[1]
                section[entry] = found[2]
            elif line:
                section[entry] += f" {line.strip()}"
        else:
            section = None
            prose.append(line)
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(prose)).strip()
    return markdown(text), {name: {key: markdown(each) for key, each in of.items()} for name, of in sections.items()}


def markdown(text: str) -> str:
    """A docstring's text as Markdown."""
    return re.sub(r"``([^`]+(?:`[^`]+)*)``", r"`\1`", text).replace("::\n", ":\n")


def arguments_of(kind: Any) -> dict[str, inspect.Parameter]:
    """The keyword arguments of a resource."""
    overloads = typing.get_overloads(kind.__init__)
    signature = inspect.signature(overloads[-1] if overloads else kind.__init__)
    return {name: each for name, each in signature.parameters.items() if name not in {"self", "resource_name", "opts"}}


class _Plain(ast.NodeTransformer):
    """Writes a type as the reference shows it: each argument takes an output, so that ``Input`` is left out."""

    names: typing.ClassVar = {
        "Arguments": "Mapping[str, str | int | float | bool]",
        "DryRunTest": "WalTest | ScheduleTest",
        "ExpectedWrites": "Sequence[str | re.Pattern[str]] | Mapping[str, Sequence[str | re.Pattern[str]]]",
        "FieldType": "Literal['utf8', 'int64', 'uint64', 'float64', 'bool']",
    }

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if isinstance(node.value, ast.Attribute) and node.value.attr in {"Input", "Output"}:
            return typing.cast("ast.AST", self.visit(node.slice))
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        node = typing.cast("ast.BinOp", self.generic_visit(node))
        is_none = isinstance(node.right, ast.Constant) and node.right.value is None
        return node.left if is_none else node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.parse(self.names.get(node.id, node.id), mode="eval").body

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.Name("pathlib.Path" if node.attr == "PathLike" else ast.unparse(node))


def type_text(annotation: Any) -> str:
    """An annotation in code style."""
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    plain = ast.unparse(_Plain().visit(ast.parse(text, mode="eval"))).replace("pathlib.Path[str]", "pathlib.Path")
    return f"`{plain}`"


def split_default(text: str) -> tuple[str, str]:
    """The description of an argument without its default, and the default; ``not set`` if it names none."""
    found = _DEFAULT.search(text)
    if found is None:
        return text, "not set"
    rest = f"{text[: found.start()]}{'.' if text[found.start()] == ';' else ''}{text[found.end() :].removeprefix('.')}"
    return re.sub(r"\s+", " ", rest.replace("..", ".")).strip(), re.sub(r"\s+", " ", found["value"])


# ---- Markdown --------------------------------------------------------------------------------------------------------


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table."""
    names = list(heads)
    lines = [names, *([" ".join(cell.split()).replace("|", r"\|") for cell in row] for row in rows)]
    made = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([made[0], f"|{'---|' * len(names)}", *made[1:]])


def resource_section(name: str, effect_of: Mapping[tuple[str, str], str]) -> str:
    """A resource: its arguments, outputs and steps."""
    kind = getattr(public, name)
    prose, sections = documented(kind)
    first, _, rest = prose.partition("\n\n")
    rows = []
    for argument, parameter in arguments_of(kind).items():
        text, default = split_default(sections["Args"][argument])
        if parameter.default is inspect.Parameter.empty:
            default = "**required**"
        rows.append(
            [f"`{argument}`", type_text(parameter.annotation), default, effect_of.get((name, argument), ""), text]
        )
    heads = ["Argument", "Type", "Default", "A change", "Meaning"]
    if name == "Plugin":
        rows, heads = [[*row[:3], row[4]] for row in rows], [each for each in heads if each != "A change"]
    parts = [f"### {name}", first, table(heads, rows)]
    if outputs := output_rows(kind):
        parts += ["Outputs besides the arguments:", table(["Output", "Type", "Meaning"], outputs)]
    elif "Attributes" in sections:
        parts += ["Outputs:", table(["Output", "Meaning"], ([f"`{n}`", t] for n, t in sections["Attributes"].items()))]
    if name in RESOURCES:
        parts.append(table(["Step", "What happens"], steps(kind)))
    if "get" in vars(kind):
        text, of_get = documented(kind.get)
        parts.append(f"**`{name}.get(resource_name, id, opts=None, *, engine=None)`.** {text}")
        parts.append(f"`id`: {of_get['Args']['id']}")
    parts.append(rest)
    return "\n\n".join(part for part in parts if part)


def output_rows(kind: Any) -> list[list[str]]:
    """The outputs of a resource that are not arguments."""
    ours = [each for each in kind.__mro__ if each.__module__.startswith(public.__name__)]
    outputs = {name: each for of in reversed(ours) for name, each in vars(of).items() if isinstance(each, property)}
    return [
        [f"`{name}`", type_text(typing.cast("Any", each.fget).__annotations__["return"]), documented(each)[0]]
        for name, each in outputs.items()
        if name not in arguments_of(kind)
    ]


def steps(kind: Any) -> list[list[str]]:
    """What the provider does in each operation of Pulumi, from the docstrings of its logic."""
    logic = getattr(sys.modules[kind.__module__], f"{kind.__name__}Provider")()._logic()
    names = {"create": "create", "read": "refresh", "update": "update", "delete": "destroy"}
    return [[step, " ".join(documented(getattr(logic, name))[0].split())] for name, step in names.items()]


def value_section(name: str) -> str:
    """A value that an argument takes, or that a function returns: its members."""
    kind = getattr(public, name)
    prose, sections = documented(kind)
    first, _, rest = prose.partition("\n\n")
    rows = []
    for member, text in sections["Attributes"].items():
        meaning, default = split_default(text)
        if dataclasses.is_dataclass(kind) and kind.__dataclass_fields__[member].default is dataclasses.MISSING:
            default = "**required**"
        rows.append([f"`{member}`", type_text(kind.__annotations__[member]), default, meaning])
    if name in ANSWERS:
        body = table(["Member", "Type", "Meaning"], ([*row[:2], row[3]] for row in rows))
    else:
        body = table(["Member", "Type", "Default", "Meaning"], rows)
    return "\n\n".join(part for part in (f"### {name}", first, body, rest) if part)


def function_section(name: str) -> str:
    """A function: its arguments and errors."""
    function = getattr(public, name)
    prose, sections = documented(function)
    parts = [f"### {name}", prose]
    if "Args" in sections:
        parameters = inspect.signature(function).parameters
        rows = []
        for argument, text in sections["Args"].items():
            meaning, default = split_default(text)
            if parameters[argument].default is inspect.Parameter.empty:
                default = "**required**"
            rows.append([f"`{argument}`", type_text(parameters[argument].annotation), default, meaning])
        parts.append(table(["Argument", "Type", "Default", "Meaning"], rows))
    parts += [f"Raises `{error}`: {text}" for error, text in sections.get("Raises", {}).items()]
    return "\n\n".join(parts)


def helper_rows() -> list[list[str]]:
    """The helpers that write specifications."""
    rows = []
    for name in HELPERS:
        parameter = next(iter(inspect.signature(getattr(public, name)).parameters))
        rows.append([f"`{name}({parameter})`", " ".join(documented(getattr(public, name))[0].split())])
    return [*rows, ["`ALL_TABLES`", "Run the plugin on writes to any table of the database."]]


def default_text(value: Any) -> str:
    """The default of a configuration key."""
    if value is None or value == ():
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def configuration_rows() -> list[list[str]]:
    """The keys of a stack's configuration."""
    meanings = documented(Configuration)[1]["Attributes"]
    rows = []
    for name, key in stack_keys.KEYS.items():
        option = " (`--secret`)" if name == "authToken" else ""
        rows.append(
            [
                f"`{stack_keys.NAMESPACE}:{name}`{option}",
                "" if key.variable is None else f"`{key.variable}`",
                default_text(Configuration.model_fields[key.attribute].default),
                "no" if name in stack_keys.OF_ONE_SERVER else "yes",
                meanings[key.attribute],
            ]
        )
    further = "Further servers: a mapping from engine name to the keys above."
    return [*rows, [f"`{stack_keys.NAMESPACE}:{stack_keys.ENGINES}`", "", "not set", "", further]]


HEAD = """\
# Reference

`uv run docs/reference.py` makes this page from the docstrings, annotations and logic of the package. Do not edit it:
change the code, or `docs/reference.py`, and run the command. A unit test fails if the page is not up to date.

| Page | What is on it |
|---|---|
| [Behaviour](../../docs/behaviour.md) | values, published plugins, previews, safeguards, many servers, requests |
| [What happens when](../../docs/what_happens_when.md) | failures: what is live, what the state says, what to do |
| [Messages](../../docs/messages.md) | errors, warnings and notices: cause and remedy |
| [Recipes](../../docs/recipes.md) | adopt a server, rotate a token, move a server, roll back, CI |
| [The embedded engine](../../docs/embedded_engine.md) | flags, limits, web pages, environment of plugins |
| [Operations](../../docs/operations.md) | each operation of the API, and what uses it |
| [Versions](../../docs/versions.md) | what is stable, what is tested, how to upgrade |
| [CONTRACT.md](../influxdb3_engine_api/CONTRACT.md) | how the API of a real server behaves |
"""

RULES = """\
## Resources

- The first argument is the resource's name in the program. Pass the others by keyword, or as one value:
  `Trigger("t", TriggerArgs(...), opts)`. Each resource but `Plugin` has such a class: its name and `Args`.
- Each argument takes an output, except `source`, `sha256` and `exclude`. `Plugin` takes outputs only for `files`,
  `test`, `adopt` and `retain`.
- Each of these arguments is an output of the resource, too.
- Each resource has the outputs `id` and `urn` of Pulumi. The state also holds `host_url` and `cluster_uuid`: the URL
  and the identity of the server that has the resource.

"A change" says what a new value of an argument does at the next `pulumi up`:

| Word | Meaning |
|---|---|
| stored; nothing is sent | The state gets the new value. |
| enabled or disabled | One request. The trigger keeps its definition. |
| swapped | The new definition takes the place of the live one. A failure rolls back. |
| restarted | The trigger is stopped and started, so that its plugin's cache is empty. |
| updated | The row "update" of the table "Step" says what happens. |
| replaced; the new one is created first | Pulumi creates the new resource, then deletes the old one. |
| replaced; the old one makes way first | Pulumi deletes first. Before that, the provider checks the new definition. |
"""


def page() -> str:
    """The reference."""
    shown = {*RESOURCES, *VALUES, *HELPERS, *FUNCTIONS, *ANSWERS, *ERRORS, *DEPRECATED, *NOT_ON_THE_PAGE}
    shown |= {f"{name}Args" for name in RESOURCES}
    if missing := set(public.__all__) - shown:
        raise SystemExit(f"add {', '.join(sorted(missing))} to a list in docs/reference.py")
    effect_of = effects()
    parts = [HEAD, RULES, *(resource_section(name, effect_of) for name in [*RESOURCES, "Plugin"])]
    parts.append("## Values of arguments")
    parts += map(value_section, VALUES)
    parts += [
        "## Specifications",
        "A helper returns the text that the API takes. You can write the text yourself. For an output, a helper "
        "returns an output.",
        table(["Helper", "Meaning"], helper_rows()),
        "## Functions",
        "A program can call plugins while `pulumi up` runs. During a preview, nothing is sent, and the results are "
        "unknown.",
    ]
    parts += map(function_section, FUNCTIONS)
    parts += map(value_section, ANSWERS)
    errors = ([f"`{name}`", documented(getattr(public, name))[0]] for name in ERRORS)
    parts += ["### Errors", table(["Error", "Meaning"], errors)]
    old = ([f"`{name}`", documented(getattr(public, name))[0]] for name in DEPRECATED)
    parts += ["### Deprecated names", table(["Name", "Meaning"], old)]
    parts += [
        "## Configuration",
        "`pulumi config set KEY VALUE` sets a key. A key of the stack comes before the environment variable.",
        table(["Stack configuration", "Environment", "Default", "Engines inherit it", "Meaning"], configuration_rows()),
        "A key of an engine is set with a path: "
        "`pulumi config set --path 'influxdb3:engines.berlin.hostUrl' https://berlin:8181`.",
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def main(arguments: list[str]) -> None:
    """Write the page, or check it."""
    text, now = page(), PAGE.read_text("utf-8") if PAGE.is_file() else ""
    if "--check" not in arguments:
        PAGE.write_text(text, "utf-8")
        return
    if text != now:
        difference = difflib.unified_diff(now.splitlines(), text.splitlines(), str(PAGE.name), "code", lineterm="", n=1)
        sys.exit("\n".join([*difference, "The reference is not up to date. To write it: uv run docs/reference.py"]))


if __name__ == "__main__":
    main(sys.argv[1:])
