"""Checks of what plugins pass to ``influxdb3_local``, with the texts of the server's own bindings (contract 5)."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


def require(name: str, value: Any, wanted: type[T]) -> T:
    """Return an argument that is of the wanted type.

    Args:
        name: The parameter's name.
        value: What the plugin passed.
        wanted: The type it must have.

    Raises:
        TypeError: It has another one.
    """
    if not isinstance(value, wanted):
        raise TypeError(f"argument '{name}': {mismatch(value, wanted)}")
    return value


def require_optional(name: str, value: Any, wanted: type[T]) -> T | None:
    """Return an argument that is of the wanted type or ``None``.

    Raises:
        TypeError: It is of another type.
    """
    return None if value is None else require(name, value, wanted)


def mismatch(value: Any, wanted: type) -> str:
    """Return the text for a value that is not of the wanted type."""
    return f"'{type(value).__name__}' object is not an instance of '{wanted.__name__}'"
