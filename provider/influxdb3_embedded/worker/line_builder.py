"""``LineBuilder``, a builtin of plugins that makes line protocol (contract 5.4)."""

from __future__ import annotations

from typing import Any


class InfluxDBError(Exception):
    """Base of the errors of `LineBuilder`."""


class InvalidMeasurementError(InfluxDBError):
    """The measurement's name is invalid."""


class InvalidKeyError(InfluxDBError):
    """The key of a tag or a field is invalid."""


class InvalidLineError(InfluxDBError):
    """The line has no field."""


def _check_key(key: str, kind: str) -> None:
    if not key:
        raise InvalidKeyError(f"{kind} key cannot be empty")
    for character, name in ((" ", "spaces"), (",", "commas"), ("=", "equals signs")):
        if character in key:
            raise InvalidKeyError(f"{kind} key '{key}' cannot contain {name}")


class LineBuilder:
    r"""Builds one line of line protocol. Setters return the builder; a repeated key overwrites its first value.

    Types of values are hardly checked, as in InfluxDB 3.

    Args:
        measurement: The table's name.

    Raises:
        InvalidMeasurementError: The name contains a space.

    >>> LineBuilder("cpu").tag("host", "a b").float64_field("load", 1).time_ns(5).build()
    'cpu,host=a\\ b load=1.0 5'
    """

    def __init__(self, measurement: str) -> None:
        if " " in measurement:
            raise InvalidMeasurementError("Measurement name cannot contain spaces")
        self.measurement = measurement
        self.tags: dict[str, str] = {}
        self.fields: dict[str, str] = {}
        self._timestamp_ns: int | None = None

    def tag(self, key: str, value: Any) -> LineBuilder:
        """Set a tag to the text of a value.

        Raises:
            InvalidKeyError: The key is empty or has a space, comma or equals sign.
        """
        _check_key(key, "tag")
        text = str(value)
        for character in ("\\", ",", "=", " "):
            text = text.replace(character, "\\" + character)
        self.tags[key] = text
        return self

    def int64_field(self, key: str, value: int) -> LineBuilder:
        """Set a signed integer field.

        Raises:
            InvalidKeyError: The key is empty or has a space, comma or equals sign.
        """
        _check_key(key, "field")
        self.fields[key] = f"{value}i"
        return self

    def uint64_field(self, key: str, value: int) -> LineBuilder:
        """Set an unsigned integer field.

        Raises:
            InvalidKeyError: The key is empty or has a space, comma or equals sign.
            ValueError: The value is negative.
        """
        _check_key(key, "field")
        if value < 0:
            raise ValueError(f"uint64 field '{key}' cannot be negative")
        self.fields[key] = f"{value}u"
        return self

    def float64_field(self, key: str, value: float) -> LineBuilder:
        """Set a float field; a whole number is written with all its digits and ``.0``.

        Raises:
            InvalidKeyError: The key is empty or has a space, comma or equals sign.
        """
        _check_key(key, "field")
        self.fields[key] = f"{int(value)}.0" if value % 1 == 0 else str(value)
        return self

    def string_field(self, key: str, value: str) -> LineBuilder:
        """Set a string field.

        Raises:
            InvalidKeyError: The key is empty or has a space, comma or equals sign.
        """
        _check_key(key, "field")
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        self.fields[key] = f'"{escaped}"'
        return self

    def bool_field(self, key: str, value: Any) -> LineBuilder:
        """Set a boolean field by the truth of a value.

        Raises:
            InvalidKeyError: The key is empty or has a space, comma or equals sign.
        """
        _check_key(key, "field")
        self.fields[key] = "t" if value else "f"
        return self

    def time_ns(self, timestamp_ns: int | None) -> LineBuilder:
        """Set the time in nanoseconds since the epoch; None for the time of the write."""
        self._timestamp_ns = timestamp_ns
        return self

    def build(self) -> str:
        """Return the line.

        Raises:
            InvalidLineError: The line has no field.
        """
        line = self.measurement.replace(",", "\\,")
        if self.tags:
            line += "," + ",".join(f"{key}={value}" for key, value in self.tags.items())
        if not self.fields:
            raise InvalidLineError(f"At least one field is required: {line}")
        fields = ",".join(f"{_escape_key(key)}={value}" for key, value in self.fields.items())
        time = "" if self._timestamp_ns is None else f" {self._timestamp_ns}"
        return f"{line} {fields}{time}"


def _escape_key(key: str) -> str:
    return key.replace("\\", "\\\\")


PUBLISHED = (LineBuilder, InfluxDBError, InvalidMeasurementError, InvalidKeyError, InvalidLineError)
"""Classes that InfluxDB 3 defines in the module ``__main__``."""
