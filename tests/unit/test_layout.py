"""Rules of the layout: who imports whom, what is public, and what users' state files name."""

from __future__ import annotations

import ast
import graphlib
import importlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import influxdb3_engine_api
import pulumi_influxdb3_engine
from pulumi_influxdb3_engine._dynamic import EngineProvider

PROVIDER = Path(__file__).parents[2] / "provider"
PACKAGES = [
    "influxdb3_engine_api",
    "influxdb3_engine_resources",
    "influxdb3_engine_export",
    "pulumi_influxdb3_engine",
    "influxdb3_embedded",
    "pulumi_cli",
]
DOCUMENTED = PACKAGES[:4]
MOST_LINES = 360
MOST_MODULES = 25
ENGINE_LIBRARIES = {"datafusion", "httptools", "pyarrow", "rich", "starlette", "typer", "uvicorn", "uvloop"}


def modules(package: str) -> dict[str, ast.Module]:
    """Parsed modules of a package by dotted name."""
    parsed = {}
    for file in sorted(PROVIDER.joinpath(*package.split(".")).rglob("*.py")):
        relative = file.relative_to(PROVIDER).with_suffix("")
        name = ".".join(relative.parts).removesuffix(".__init__")
        parsed[name] = ast.parse(file.read_text("utf-8"), str(file))
    return parsed


def imported(package: str) -> set[tuple[str, str]]:
    """Module and what it imports, wherever in the module the import stands."""
    found = set()
    for name, module in modules(package).items():
        for node in ast.walk(module):
            if isinstance(node, ast.Import):
                found |= {(name, alias.name) for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((name, absolute(name, node)))
    return found


def absolute(name: str, node: ast.ImportFrom) -> str:
    """What a module's ``from`` names, in full."""
    if not node.level:
        return str(node.module)
    is_package = PROVIDER.joinpath(*name.split("."), "__init__.py").is_file()
    package = name.split(".") if is_package else name.split(".")[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def importing(package: str, *forbidden: str) -> set[tuple[str, str]]:
    return {(name, target) for name, target in imported(package) if target.split(".")[0] in forbidden}


def test_the_contract_package_stands_alone() -> None:
    others = ("pulumi", "pulumi_influxdb3_engine", "influxdb3_embedded", *ENGINE_LIBRARIES)

    assert importing("influxdb3_engine_api", *others) == set()


def test_the_provider_imports_nothing_of_the_engine() -> None:
    assert importing("pulumi_influxdb3_engine", "influxdb3_embedded", *ENGINE_LIBRARIES) == set()


def test_the_engine_imports_nothing_of_the_provider() -> None:
    assert importing("influxdb3_embedded", "pulumi", "pulumi_influxdb3_engine") == set()


def test_the_export_stands_on_the_resources_and_the_api() -> None:
    others = ("pulumi", "pulumi_influxdb3_engine", "influxdb3_embedded", *(ENGINE_LIBRARIES - {"typer"}))

    assert importing("influxdb3_engine_export", *others) == set()
    for below in ("influxdb3_engine_api", "influxdb3_engine_resources", "pulumi_influxdb3_engine"):
        assert importing(below, "influxdb3_engine_export") == set()
    assert importing("influxdb3_embedded", "influxdb3_engine_export") == set()


@pytest.mark.parametrize("package", ["influxdb3_engine_resources", "influxdb3_engine_export"])
def test_neither_the_logic_of_resources_nor_the_export_loads_pulumi(package: str) -> None:
    names = sorted(modules(package))
    program = f"import importlib, sys; [importlib.import_module(each) for each in {names!r}]; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PROVIDER)

    assert {name.split(".")[0] for name in run.stdout.split()} & {"pulumi", "pulumi_influxdb3_engine"} == set()
    assert importing(package, "pulumi", "pulumi_influxdb3_engine") == set()


ENGINE_ROOMS = {
    "cli": {"catalog", "http", "runner", "services", "sql", "storage", "worker"},
    "flight": {"services", "sql"},
    "http": {"catalog", "flight", "runner", "services", "sql", "storage", "worker"},
    "services": {"catalog", "runner", "sql", "storage", "worker"},
    "runner": {"worker"},
    "sql": {"storage", "worker"},
    "storage": set(),
    "catalog": set(),
    "worker": set(),
    "testing": set(),
}
"""Room of the engine to the rooms that it may import."""


@pytest.mark.parametrize("room", ENGINE_ROOMS)
def test_rooms_of_the_engine_import_only_what_lies_below_them(room: str) -> None:
    targets = {target for _, target in imported(f"influxdb3_embedded.{room}")}
    imports = {target.split(".")[1] for target in targets if target.startswith("influxdb3_embedded.")}

    assert (imports & ENGINE_ROOMS.keys()) - {room} <= ENGINE_ROOMS[room]


def depends_on() -> dict[str, set[str]]:
    """Module to the modules that it imports: also in a function, and for types only."""
    every = {name for package in PACKAGES for name in modules(package)}
    found: dict[str, set[str]] = {name: set() for name in every}
    for package in PACKAGES:
        for name, module in modules(package).items():
            for node in ast.walk(module):
                if isinstance(node, ast.Import):
                    found[name] |= {alias.name for alias in node.names} & every
                elif isinstance(node, ast.ImportFrom):
                    base = absolute(name, node)
                    parts = {f"{base}.{alias.name}" for alias in node.names} & every
                    found[name] |= parts or ({base} & every)
            found[name].discard(name)
    return found


def test_no_module_imports_itself_through_others() -> None:
    try:
        graphlib.TopologicalSorter(depends_on()).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_modules_fit_on_a_few_screens_and_folders_can_be_surveyed() -> None:
    files = [file for package in PACKAGES for file in (PROVIDER / package).rglob("*.py")]
    folders = Counter(file.parent for file in files)

    assert {file.name for file in files if len(file.read_text("utf-8").splitlines()) > MOST_LINES} == set()
    assert {folder.name for folder, count in folders.items() if count > MOST_MODULES} == set()


TWO_SIDES = {
    "probe": "what asks, and the plugin on the server that answers",
    "sweeper": "what asks, and the plugin on the server that deletes",
    "inputs": "of all resources, and of triggers",
    "errors": "one module of errors a room",
    "zygote": "of workers, and of queries",
    "connection": "of the command to an engine, and of the engine to a client",
    "databases": "the endpoints, and the service that they call",
    "environment": "the endpoints, and what they change",
    "tokens": "the endpoints, and the service that they call",
    "triggers": "the endpoints, and the service that they call",
}
"""Names that two modules of one package have, with the reason."""


@pytest.mark.parametrize("package", PACKAGES)
def test_a_name_has_one_meaning_in_a_package(package: str) -> None:
    files = [name for name in modules(package) if not PROVIDER.joinpath(*name.split("."), "__init__.py").is_file()]
    names = Counter(name.rpartition(".")[2] for name in files)

    assert {name for name, count in names.items() if count > 1} - TWO_SIDES.keys() - {"__main__"} == set()


def test_workers_import_only_the_standard_library_and_themselves() -> None:
    # they run under the interpreter of the plugins' virtual environment, which has nothing of ours
    own = {
        (name, target)
        for name, target in imported("influxdb3_embedded.worker")
        if target.split(".")[0] not in sys.stdlib_module_names
        and not f"{target}.".startswith("influxdb3_embedded.worker.")
    }

    assert own == set()


@pytest.mark.parametrize(
    ("package", "absent"),
    [
        ("influxdb3_engine_api", {"pulumi", "influxdb3_embedded", *ENGINE_LIBRARIES}),
        (
            "pulumi_influxdb3_engine",
            {"influxdb3_embedded", "influxdb3_engine_api", "httpx", "pydantic", *ENGINE_LIBRARIES},
        ),
        # what a preview needs, which sends nothing
        ("pulumi_influxdb3_engine._adapter", {"influxdb3_embedded", "httpx", *ENGINE_LIBRARIES}),
        ("influxdb3_engine_resources.triggers.logic", {"influxdb3_embedded", "httpx", *ENGINE_LIBRARIES}),
    ],
)
def test_importing_a_package_loads_nothing_that_it_does_not_need(package: str, absent: set[str]) -> None:
    program = f"import sys, {package}; print(*sys.modules)"
    # warnings of our own would be errors; those of pulumi's dependencies are not ours
    flags = ["-W", "error"] if package == "influxdb3_engine_api" else []
    run = subprocess.run(
        [sys.executable, *flags, "-c", program], capture_output=True, text=True, check=True, cwd=PROVIDER
    )

    assert {name.split(".")[0] for name in run.stdout.split()} & absent == set()


def test_what_a_program_imports_is_public() -> None:
    assert pulumi_influxdb3_engine.__all__ == [
        "ALL_TABLES",
        "Database",
        "DatabaseArgs",
        "DryRunAnswer",
        "DryRunFailed",
        "PackageSet",
        "PackageSetArgs",
        "Plugin",
        "PluginDirectory",
        "PluginDirectoryArgs",
        "PluginFile",
        "PluginFileArgs",
        "PluginManifest",
        "RequestAnswer",
        "RequestFailed",
        "ScheduleTest",
        "Table",
        "TableArgs",
        "Trigger",
        "TriggerArgs",
        "TriggerSettings",
        "WalTest",
        "Watch",
        "cron",
        "dry_run_schedule",
        "dry_run_wal",
        "engine_names",
        "every",
        "invoke_request",
        "request",
        "table",
        "test_schedule_plugin",
        "test_wal_plugin",
    ]


def test_what_both_sides_import_of_the_contract_is_public() -> None:
    assert influxdb3_engine_api.__all__ == [
        "AnswerError",
        "AnswerLost",
        "BadRequest",
        "Conflict",
        "CreateTrigger",
        "DryRunResult",
        "EngineApiError",
        "EngineClient",
        "EngineUnreachable",
        "ErrorBehavior",
        "Forbidden",
        "NoSuchOperation",
        "NotFound",
        "PluginType",
        "ServerError",
        "Specification",
        "SpecificationError",
        "TransportError",
        "TriggerSettings",
        "Unauthenticated",
        "UnreadableAnswer",
    ]


@pytest.mark.parametrize("package", [influxdb3_engine_api, pulumi_influxdb3_engine])
def test_what_is_public_is_there(package: object) -> None:
    assert [name for name in package.__all__ if not hasattr(package, name)] == []  # type: ignore[attr-defined]  # both have it


def test_the_classes_that_state_files_name_keep_their_names() -> None:
    # a state file holds the provider as a pickle, which is its module and its class: renaming one orphans resources
    assert sorted(f"{provider.__module__}.{provider.__qualname__}" for provider in EngineProvider.__subclasses__()) == [
        "pulumi_influxdb3_engine.database.DatabaseProvider",
        "pulumi_influxdb3_engine.package_set.PackageSetProvider",
        "pulumi_influxdb3_engine.plugin_directory.PluginDirectoryProvider",
        "pulumi_influxdb3_engine.plugin_file.PluginFileProvider",
        "pulumi_influxdb3_engine.tables.TableProvider",
        "pulumi_influxdb3_engine.trigger.TriggerProvider",
    ]


@pytest.mark.parametrize("kind", ["Database", "PackageSet", "PluginDirectory", "PluginFile", "Table", "Trigger"])
def test_the_types_of_resources_keep_their_names(kind: str) -> None:
    resource = getattr(pulumi_influxdb3_engine, kind)

    assert f"{resource._resource_type_name}" == f"dynamic/influxdb3:{kind}"


def undocumented(package: str) -> list[str]:
    missing = []
    for name, module in modules(package).items():
        if not ast.get_docstring(module):
            missing.append(name)
        classes = [node for node in module.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
        functions = [
            (f"{name}.{node.name}", node)
            for node in module.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and "overload" not in [getattr(decorator, "id", None) for decorator in node.decorator_list]
        ]
        for each in classes:
            if not ast.get_docstring(each):
                missing.append(f"{name}.{each.name}")
            functions += [
                (f"{name}.{each.name}.{node.name}", node)
                for node in each.body
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
        missing += [path for path, node in functions if not node.name.startswith("_") and not ast.get_docstring(node)]
    return missing


@pytest.mark.parametrize("package", DOCUMENTED)
def test_everything_public_is_documented(package: str) -> None:
    assert undocumented(package) == []


@pytest.mark.parametrize("package", DOCUMENTED)
def test_every_module_can_be_imported_by_itself(package: str) -> None:
    for name in modules(package):
        importlib.import_module(name)


def test_no_two_modules_of_the_tests_have_one_name() -> None:
    # pytest imports a test module, and helpers beside it, by the base name
    root = PROVIDER.parent
    files = [file for folder in ("tests", "examples") for file in (root / folder).rglob("*.py")]
    names = Counter(file.name for file in files if "plugins" not in file.parts)  # the engine loads plugins by path
    programs = {"__init__.py", "__main__.py", "conftest.py", "deploy.py"}

    assert {name for name, count in names.items() if count > 1} - programs == set()
