"""The modules that a plugin imports, read without running it, so that the server can be asked whether it has them."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Import(NamedTuple):
    """A module that a plugin needs to load.

    Attributes:
        module: Its name as the server's Python finds it, such as ``sklearn.linear_model``.
        file: The plugin's file that imports it.
        line: The line in that file.
    """

    module: str
    file: str
    line: int


def imports_of(modules: Mapping[str, ast.Module], own: frozenset[str]) -> list[Import]:
    """The first import of each module that some files import at their top level, without a guard.

    Imports in functions, below ``try`` with a handler, and below ``if TYPE_CHECKING`` may fail; modules of the standard
    library are there.

    Args:
        modules: Parsed files by path.
        own: Top-level names of the plugin's own modules.
    """
    found: dict[str, Import] = {}
    for file, module in sorted(modules.items()):
        for node in _at_top_level(module):
            for name in _names(node):
                top = name.partition(".")[0]
                if top not in own and top not in sys.stdlib_module_names:
                    found.setdefault(name, Import(name, file, node.lineno))
    return list(found.values())


def _names(node: ast.stmt) -> list[str]:
    match node:
        case ast.Import(names=aliases):
            return [alias.name for alias in aliases]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
    return []


def _at_top_level(module: ast.Module) -> Iterator[ast.stmt]:
    """Statements that run when the module is loaded, and whose failure nothing catches."""
    pending: list[ast.stmt] = list(module.body)
    while pending:
        node = pending.pop()
        yield node
        match node:
            case ast.Try(handlers=[_, *_], orelse=orelse, finalbody=finalbody):
                pending += [*orelse, *finalbody]
            case ast.If():  # either branch may be the one that runs
                continue
            case ast.Try(body=body, orelse=orelse, finalbody=finalbody):
                pending += [*body, *orelse, *finalbody]
            case ast.With(body=body) | ast.ClassDef(body=body):
                pending += body
