"""Syntax that the server's Python knows and the Python of the program may not."""

from __future__ import annotations

import ast
import re

_BUNDLED_PYTHON = (3, 13)
"""What InfluxDB 3 runs plugins with, unless it was built otherwise (contract 0)."""

# PEP 695 and 696: type statements, and parameters of functions and classes
_TYPE_STATEMENT = re.compile(r"^([ \t]*)type[ \t]+(\w+[ \t]*=)", re.MULTILINE)
_TYPE_PARAMETERS = re.compile(
    r"((?:^|[;:])[ \t]*(?:async[ \t]+def|def|class|type)[ \t]+\w+)[ \t]*"
    r"\[((?:[^\[\]]|\[(?:[^\[\]]|\[[^\[\]]*\])*\])+)\]",
    re.MULTILINE,
)
# PEP 701: a field of an f-string holds any expression, with the quotes of the f-string, backslashes and line breaks
_FORMATTED = re.compile(
    r"""(?<!\w)(?:[fF][rR]?|[rR][fF])(?:(?P<long>\"{3}|'{3})|(?P<short>["'])(?!(?P=short)))"""
    r"""(?:\{\{|\}\}|\{[^{}]+\}|\\[^\n]|(?(long)[^{}\\]|[^{}\\\n]))*?(?(long)(?P=long)|(?P=short))"""
)
_FIELD = re.compile(r"\{([^{}]+)\}")
_FIELD_PARTS = re.compile(r"""(.*?)=?\s*(?:![rsa])?(?::[^"'()\[\]]*)?""", re.DOTALL)


def newer_syntax_hint(source: str, version: tuple[int, int]) -> str:
    """What to do about a source that a Python cannot read; empty unless the server's Python takes it.

    Args:
        source: The source.
        version: Of the Python that cannot read it.
    """
    if version >= _BUNDLED_PYTHON or not _parses(_in_older_syntax(source)):
        return ""
    mine, bundled = (".".join(map(str, each)) for each in (version, _BUNDLED_PYTHON))
    return f" (as Python {mine} reads it: for newer syntax, run this program with {bundled}, as InfluxDB has)"


def _in_older_syntax(source: str) -> str:
    """A source of the same validity: without type parameters, and with plain strings for f-strings that are valid."""
    source = _TYPE_STATEMENT.sub(r"\1\2", _TYPE_PARAMETERS.sub(_without_parameters, source))
    while (replaced := _FORMATTED.sub(_plain_string, source)) != source:
        source = replaced  # the inner one of two f-strings first
    return source


def _without_parameters(head: re.Match[str]) -> str:
    # they are written like the parameters of a function
    return head[1] if _parses(f"def f({head[2]}): pass") else head[0]


def _plain_string(formatted: re.Match[str]) -> str:
    fields = [
        _FIELD_PARTS.fullmatch(field) for field in _FIELD.findall(formatted[0].replace("{{", "").replace("}}", ""))
    ]
    valid = all(parts is not None and _parses(f"({parts[1]}\n)") for parts in fields)
    return "''" if valid else formatted[0]


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True
