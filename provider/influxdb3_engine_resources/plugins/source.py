"""What a plugin's source defines, without running it: previews can refuse code that would fail."""

from __future__ import annotations

import ast
import sys
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from influxdb3_engine_api import PluginType
from influxdb3_engine_resources.plugins.header import Header, read_header
from influxdb3_engine_resources.plugins.imports import Import, imports_of
from influxdb3_engine_resources.plugins.newer_syntax import newer_syntax_hint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENTRY_POINTS = {
    PluginType.WAL: ("process_writes", ("influxdb3_local", "table_batches", "args=None")),
    PluginType.SCHEDULE: ("process_scheduled_call", ("influxdb3_local", "call_time", "args=None")),
    PluginType.REQUEST: (
        "process_request",
        ("influxdb3_local", "query_parameters", "request_headers", "request_body", "args=None"),
    ),
}
"""The function that each kind of trigger calls, always with all arguments by position (contract 4.3)."""


class PluginSourceError(ValueError):
    """An invalid source; the text says where and why."""


@dataclass(frozen=True, slots=True)
class SourceOutline:
    """What the module of a plugin's entry point defines.

    Attributes:
        names: Names that are bound at the top level.
        functions: Names that are certainly bound to a function of this source.
        opaque: Whether unknown names may be bound (``from x import *``, ``globals()``).
        header: The plugin's header; None if it has no header that can be read.
        header_problem: What is wrong with a header that cannot be read; None if there is no such header.
        imports: Modules that the plugin cannot be loaded without.
        triggers: Entry points that its manifest lists; None if the plugin has no manifest.
    """

    names: frozenset[str]
    functions: Mapping[str, ast.FunctionDef | ast.AsyncFunctionDef]
    opaque: bool
    header: Header | None = None
    header_problem: str | None = None
    imports: tuple[Import, ...] = ()
    triggers: tuple[str, ...] | None = None

    def binds(self, name: str) -> bool:
        """Whether the module may define a name."""
        return name in self.names or self.opaque or "__getattr__" in self.names

    def problem(self, plugin_type: PluginType) -> str | None:
        """Why a trigger of that type cannot call this plugin, or None if it can."""
        name, parameters = ENTRY_POINTS[plugin_type]
        signature = f"def {name}({', '.join(parameters)})"
        if name not in self.names:
            if self.opaque:
                return None
            others = [other for other, _ in ENTRY_POINTS.values() if other in self.names]
            defined = f"; it defines {', '.join(others)}" if others else ""
            return f"the plugin does not define {name}, which this trigger calls{defined}: write '{signature}'"
        function = self.functions.get(name)
        if isinstance(function, ast.AsyncFunctionDef):
            return f"{name} is 'async def', and the server does not await it: write '{signature}'"
        if function is not None and not _takes(function.args, len(parameters)):
            return f"{name} does not take the {len(parameters)} arguments that the server passes: write '{signature}'"
        return None


def parse_file(name: str, content: str) -> SourceOutline:
    """What a single-file plugin defines.

    Raises:
        PluginSourceError: A syntax error; names the file and the line.
    """
    module = _parse(name, content)
    return _plugin(module, {name: module}, frozenset())


def parse_directory(files: Mapping[str, str]) -> SourceOutline:
    """What the ``__init__.py`` of a multi-file plugin defines.

    Raises:
        PluginSourceError: A syntax error in any file, no ``__init__.py``, or a relative import of a module that does
            not exist.
    """
    if "__init__.py" not in files:
        raise PluginSourceError("there is no __init__.py: write one with the entry point")
    modules = {name: _parse(name, content) for name, content in files.items() if name.endswith(".py")}
    for name, module in modules.items():
        for node in _unguarded(module):
            if isinstance(node, ast.ImportFrom) and node.level:
                _check_relative_import(name, node, modules)
    own = frozenset(path.partition("/")[0].removesuffix(".py") for path in modules)
    return _plugin(modules["__init__.py"], modules, own)


class KnownSources:
    """Plugin sources that a program declares, by the file name that triggers use."""

    def __init__(self) -> None:
        self._sources: dict[str, SourceOutline] = {}
        self._guard = threading.Lock()

    def declare(self, plugin_filename: str, source: SourceOutline) -> None:
        """Note the source of a plugin."""
        with self._guard:
            self._sources[plugin_filename] = source

    def find(self, plugin_filename: str) -> SourceOutline | None:
        """The source of a plugin; None if the program does not declare it, or not before its trigger."""
        with self._guard:
            return self._sources.get(plugin_filename.rstrip("/"))


def _parse(name: str, content: str) -> ast.Module:
    try:
        return ast.parse(content.removeprefix("\ufeff"), filename=name)
    except SyntaxError as error:
        where = f"{name}, line {error.lineno}" if error.lineno else name
        raise PluginSourceError(f"{where}: {error.msg}{newer_syntax_hint(content, sys.version_info[:2])}") from None
    except ValueError as error:  # NUL bytes
        raise PluginSourceError(f"{name}: {error}") from None
    except (MemoryError, RecursionError):
        raise PluginSourceError(f"{name}: an expression is nested too deeply for Python to parse") from None


def _plugin(entry: ast.Module, modules: Mapping[str, ast.Module], own: frozenset[str]) -> SourceOutline:
    header, problem = read_header(entry)
    imports = tuple(imports_of(modules, own))
    return replace(_defined(entry), header=header, header_problem=problem, imports=imports)


def _defined(module: ast.Module) -> SourceOutline:
    names: set[str] = set()
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
    for statement in module.body:
        bound = {name for node in _own_scope(statement) for name in _bound(node)}
        names |= bound - {"*"}
        for name in functions.keys() & bound if "*" not in bound else list(functions):
            del functions[name]
        # the last binding counts, unless a branch holds it; a decorator may change the arguments
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and not statement.decorator_list:
            functions[statement.name] = statement
    opaque = False
    for node in ast.walk(module):
        match node:
            case ast.Global(names=assigned):  # a function may bind these names at any time
                names.update(assigned)
                for name in assigned:
                    functions.pop(name, None)
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                opaque = True
            case ast.Call(func=ast.Name(id="globals" | "exec" | "setattr")):
                opaque = True
    return SourceOutline(frozenset(names), functions, opaque)


def _bound(node: ast.AST) -> list[str]:
    """Names that a node binds in its scope; ``*`` stands for unknown names."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return [alias.asname or alias.name.partition(".")[0] for alias in aliases]
        case ast.Name(id=name, ctx=ast.Store()) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.ExceptHandler(name=str(name)) | ast.MatchMapping(rest=str(name)):
            return [name]
    return []


def _own_scope(statement: ast.stmt) -> Iterator[ast.AST]:
    """Nodes of a statement in its own scope: without the bodies of functions and classes."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))


def _takes(arguments: ast.arguments, count: int) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    required = positional - len(arguments.defaults)
    keyword_only = any(default is None for default in arguments.kw_defaults)
    return required <= count and (positional >= count or arguments.vararg is not None) and not keyword_only


def _unguarded(module: ast.Module) -> Iterator[ast.AST]:
    """All nodes but those below ``try`` with a handler and ``if TYPE_CHECKING``: imports there may fail."""
    pending: list[ast.AST] = [module]
    while pending:
        node = pending.pop()
        yield node
        match node:
            case ast.Try(body=body, handlers=[_, *_]):
                guarded = body
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"), body=body):
                guarded = body
            case _:
                guarded = []
        pending.extend(child for child in ast.iter_child_nodes(node) if child not in guarded)


def _check_relative_import(name: str, node: ast.ImportFrom, modules: Mapping[str, ast.Module]) -> None:
    where = f"{name}, line {node.lineno}"
    package = name.split("/")[:-1]
    if node.level - 1 > len(package):
        raise PluginSourceError(f"{where}: the relative import leaves the plugin directory")
    base = package[: len(package) - (node.level - 1)] + (node.module.split(".") if node.module else [])
    if node.module:
        if not _is_module(base, modules):
            written = "." * node.level + node.module
            raise PluginSourceError(f"{where}: there is no module {written!r} in the plugin directory")
        return
    init = modules.get("/".join([*base, "__init__.py"]))
    # without the import itself, which binds the names, too
    rest = [statement for statement in init.body if statement is not node] if init else []
    members = _defined(ast.Module(rest, type_ignores=[]))
    for alias in node.names:
        if alias.name == "*" or alias.name.startswith("__") or _is_module([*base, alias.name], modules):
            continue
        if not members.binds(alias.name):
            raise PluginSourceError(
                f"{where}: there is no module {'.' * node.level + alias.name!r} in the plugin directory, "
                f"and its package does not define {alias.name!r}"
            )


def _is_module(path: list[str], modules: Mapping[str, ast.Module]) -> bool:
    joined = "/".join(path)
    return f"{joined}.py" in modules or any(other.startswith(f"{joined}/") for other in modules)
