"""The texts of errors, warnings and notices in the source code, with ``…`` where a value goes."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VALUE = "…"
CARRIERS = re.compile(
    r"_?[A-Za-z]*(Error|Failed|Failure|Invalid|Off|Live|Lost|Unreachable|NotText|NotInstalled|Slip|Outcome|Answer)"
    r"|NoSuchOperation|NotFound|Conflict|answer_error|__init__"
    r"|_refuse|notice|notice_once|warn|exists_already|reported_once|_on_wait"
)
"""Names of what is called with a text for the user: errors, and functions that show a text."""
NOT_FOR_USERS = {"AssertionError", "NotImplementedError", "AttributeError", "DecodingError", "CheckFailure"}
TABLES = re.compile(r"_REMEDIES|_EXPECTED|_LIMITS")
"""Names of constants that hold several texts."""
FEWEST_WORDS = 3
"""A text with fewer words only names or joins others."""


@dataclass(frozen=True)
class Found:
    """One text, and where it stands."""

    text: str
    file: Path
    line: int


def texts_of(package: Path) -> Iterator[Found]:
    """The texts that a package shows to its users."""
    for file in sorted(package.rglob("*.py")):
        module = ast.parse(file.read_text("utf-8"))
        for node in _carried(module):
            for text in _templates(node, module):
                whole = re.sub(rf"(\{{\w+:\w+\}}|{VALUE})+", VALUE, " ".join(text.split()))
                if len(re.findall(r"[A-Za-z]+", whole)) >= FEWEST_WORDS:
                    yield Found(whole, file, node.lineno)


def _carried(module: ast.Module) -> Iterator[ast.expr]:
    """Expressions that become a text for the user."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if CARRIERS.fullmatch(name) and name not in NOT_FOR_USERS:
                # the other arguments of a SpecificationError are the user's text and the server's
                yield from node.args[-1:] if name == "SpecificationError" else node.args
                yield from (keyword.value for keyword in node.keywords if keyword.arg == "reason")
        elif isinstance(node, ast.FunctionDef) and node.returns is not None and "str" in ast.unparse(node.returns):
            if node.name != "label":
                yield from (
                    each.value for each in ast.walk(node) if isinstance(each, ast.Return | ast.Yield) and each.value
                )
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            yield from _leaves(node.value) if TABLES.fullmatch(ast.unparse(target)) else ()


def _leaves(node: ast.expr) -> Iterator[ast.expr]:
    """The last text of each entry of a table."""
    entries = node.values if isinstance(node, ast.Dict) else getattr(node, "elts", [])
    for entry in entries:
        yield entry.elts[-1] if isinstance(entry, ast.Tuple) else entry


def _templates(node: ast.expr, module: ast.Module) -> list[str]:
    """What an expression may be, with ``…`` for values; an empty list if the module does not write it."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else VALUE for part in node.values]
        return ["".join(parts)]
    if isinstance(node, ast.IfExp):
        return _templates(node.body, module) + _templates(node.orelse, module)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = (_templates(each, module) or [VALUE] for each in (node.left, node.right))
        return [f"{before}{after}" for before in left for after in right]
    if isinstance(node, ast.Name):
        values = [value for value in _assigned(node.id, module) if not isinstance(value, ast.Name)]
        return [text for value in values for text in _templates(value, module)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return [re.sub(r"\{\w+\}", VALUE, text) for text in _templates(node.func.value, module)]
    return []


def _assigned(name: str, module: ast.Module) -> Iterator[ast.expr]:
    """What the module assigns to a name, without what is made from the name itself."""
    for node in ast.walk(module):
        targets = node.targets if isinstance(node, ast.Assign) else []
        named = any(isinstance(each, ast.Name) and each.id == name for each in targets)
        if isinstance(node, ast.Assign) and named and not re.search(rf"\b{name}\b", ast.unparse(node.value)):
            yield node.value
