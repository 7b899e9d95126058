"""Checks arguments of ``influxdb3_local``; errors have the real server's texts (contract 5)."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


def require(name: str, value: Any, wanted: type[T]) -> T:
    """Return an argument if it has the right type.

    Args:
        name: The parameter's name.
        value: The plugin's argument.
        wanted: The right type.

    Raises:
        TypeError: The argument has another type.
    """
    if not isinstance(value, wanted):
        raise TypeError(f"argument '{name}': {mismatch(value, wanted)}")
    return value


def require_optional(name: str, value: Any, wanted: type[T]) -> T | None:
    """Return an argument if it has the right type or is None.

    Raises:
        TypeError: The argument has another type.
    """
    return None if value is None else require(name, value, wanted)


def mismatch(value: Any, wanted: type) -> str:
    """Return the error text for a value of a wrong type."""
    return f"'{type(value).__name__}' object is not an instance of '{wanted.__name__}'"
