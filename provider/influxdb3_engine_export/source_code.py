"""Writes Python expressions as ruff formats them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 88


@dataclass(frozen=True)
class Items:
    """A call, a list or a dict.

    Attributes:
        opening: What stands before the items, such as ``Trigger(`` or ``[``.
        items: Pairs of what stands before the item, such as ``db=`` or ``"key": ``, and the item.
        closing: The closing bracket.
        one_a_line: Whether each item has a line of its own even if all fit on one line.
    """

    opening: str
    items: Sequence[tuple[str, Expression]]
    closing: str
    one_a_line: bool = False


Expression = str | Items
"""A piece of source on one line, or something that can be split."""


def call(name: str, *positional: Expression, one_a_line: bool = False, **named: Expression | None) -> Items:
    """A call; arguments that are None are left out."""
    items = [*(("", each) for each in positional)]
    items += [(f"{key}=", value) for key, value in named.items() if value is not None]
    return Items(f"{name}(", items, ")", one_a_line)


def list_of(items: Sequence[Expression]) -> Items:
    """A list."""
    return Items("[", [("", each) for each in items], "]")


def dict_of(items: Sequence[tuple[str, Expression]]) -> Items:
    """A dict with texts as keys."""
    return Items("{", [(f"{literal(key)}: ", value) for key, value in items], "}")


def literal(text: str) -> str:
    """A string literal, in double quotes unless that needs more escapes."""
    quoted = repr(f"{text}'\"")[1:-4].replace("\\'", "'")  # with both quotes in it, repr() quotes with '
    if text.count('"') > text.count("'"):
        return "'" + quoted.replace("'", "\\'") + "'"
    return '"' + quoted.replace('"', '\\"') + '"'


def assignment(name: str, value: Expression) -> str:
    """A statement that gives a name to a value."""
    text = render(value, len(name) + 3)
    if isinstance(value, str) and len(name) + 3 + len(text) > WIDTH >= len(text) + 4:
        text = f"(\n    {text}\n)"
    return f"{name} = {text}"


def render(expression: Expression, column: int = 0, indent: int = 0, after: int = 0) -> str:
    """An expression, split if it does not fit on one line.

    Args:
        expression: The expression.
        column: Number of characters before it on its line.
        indent: Indentation of that line.
        after: Number of characters after it on its last line.
    """
    if isinstance(expression, str):
        return expression
    flat = _flat(expression)
    if flat is not None and column + len(flat) + after <= WIDTH:
        return flat
    if not expression.items:
        return expression.opening + expression.closing
    blanks = " " * (indent + 4)
    lines = [
        f"{blanks}{before}{render(item, indent + 4 + len(before), indent + 4, 1)},\n"
        for before, item in expression.items
    ]
    return f"{expression.opening}\n{''.join(lines)}{' ' * indent}{expression.closing}"


def _flat(expression: Expression) -> str | None:
    """The expression on one line, or None if a part of it has one item a line."""
    if isinstance(expression, str):
        return expression
    parts = [(before, _flat(item)) for before, item in expression.items]
    if expression.one_a_line or any(item is None for _, item in parts):
        return None
    return f"{expression.opening}{', '.join(f'{before}{item}' for before, item in parts)}{expression.closing}"
