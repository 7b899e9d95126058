"""Syntax that the server's Python accepts, and an older Python of the program does not."""

from __future__ import annotations

import ast
import re

_BUNDLED_PYTHON = (3, 13)
"""The Python of InfluxDB 3 (contract 0)."""

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
    """What to do about a syntax error; empty unless the server's Python accepts the source.

    Args:
        source: The source.
        version: Of the Python that cannot read it.
    """
    if version >= _BUNDLED_PYTHON or not _parses(_in_older_syntax(source)):
        return ""
    mine, bundled = (".".join(map(str, each)) for each in (version, _BUNDLED_PYTHON))
    return f" (in Python {mine}; InfluxDB has Python {bundled}: run this program with it to use its syntax)"


def _in_older_syntax(source: str) -> str:
    """An equivalent source without type parameters, and with plain strings instead of valid f-strings."""
    source = _TYPE_STATEMENT.sub(r"\1\2", _TYPE_PARAMETERS.sub(_without_parameters, source))
    while (replaced := _FORMATTED.sub(_plain_string, source)) != source:
        source = replaced  # inner f-strings first
    return source


def _without_parameters(head: re.Match[str]) -> str:
    # type parameters have the syntax of function parameters
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
