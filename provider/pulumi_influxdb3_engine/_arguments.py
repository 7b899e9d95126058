"""Converts the values that a program passes into properties that Pulumi can carry."""

from __future__ import annotations

import inspect
import json
import math
import numbers
import os
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, NoReturn, cast
from uuid import UUID

import pulumi

from influxdb3_engine_resources.properties import LOST, SECRETS, argument_text, as_utf8, files_property
from pulumi_influxdb3_engine._sources import SourceError
from pulumi_influxdb3_engine._stack import check_stack

_TEXT_OF_AN_OUTPUT = ("Calling __str__ on an Output[T] is not supported.", "<pulumi.output.Output object at ")
"""Parts of ``str`` and ``repr`` of an output: the SDK returns a warning instead of the value."""

_EXACT_INTEGERS = 2**53
"""The largest whole number up to which a double is exact; Pulumi sends all numbers as doubles."""


def is_pending(value: Any) -> bool:
    """Whether a value is an output or another awaitable: its value is not known yet."""
    return isinstance(value, pulumi.Output) or inspect.isawaitable(value)


def when_known(make: Callable[..., Any], *values: Any) -> Any:
    """The result of ``make(*values)``, or an output of the result if one of the values is an output."""
    if any(map(is_pending, values)):
        return pulumi.Output.all(*values).apply(lambda known: pulumi.Output.from_input(make(*known)))
    return make(*values)


def as_properties(kind: str, resource_name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a resource as values that Pulumi can carry.

    Raises:
        SourceError: A property cannot be converted, or the stack's configuration is invalid.
    """
    check_stack()
    if not isinstance(resource_name, str):
        raise SourceError(f"{kind}: the first argument is the resource's name: pass a str, not an output")
    if _is_text_of_an_output(resource_name):
        _refuse(kind, "the resource's name", _OUTPUT_IN_TEXT)
    where = f"{kind} {resource_name!r}"
    made = {name: as_property(where, name, value) for name, value in properties.items()}
    outputs = {name: _as_output(value) for name, value in made.items() if _holds_output(value)}
    if not outputs:
        return made
    about = {SECRETS: _secret_names(outputs)}
    if not pulumi.runtime.is_dry_run():  # in a preview nothing fails, and values are unknown that `up` will know
        about[LOST] = _lost_names(outputs)
    # the SDK takes a coroutine here, which its annotations do not say
    return made | {name: pulumi.Output.from_input(cast("Any", names)) for name, names in about.items()}


def as_property(where: str, path: str, value: Any) -> Any:
    """A nested value as Pulumi can carry it, or an output if the value is one.

    Raises:
        SourceError: The value cannot be converted; the text names the property and what to write. For an output, the
            returned output fails with this error.
    """
    if is_pending(value):
        return pulumi.Output.from_input(value).apply(lambda known: as_property(where, path, known))
    plain = _plain(where, path, value)
    if isinstance(plain, Mapping):
        keys = {key: _known_text(where, f"a key of {path}", key) for key in plain}
        return {keys[key]: as_property(where, _path_below(path, keys[key]), each) for key, each in plain.items()}
    if isinstance(plain, list):
        return [as_property(where, f"{path}[{number}]", each) for number, each in enumerate(plain)]
    if isinstance(plain, float) and not math.isfinite(plain):
        _refuse(where, path, "the number is infinite or NaN: pass a finite number")
    if isinstance(plain, int) and abs(plain) > _EXACT_INTEGERS:
        return str(plain)
    return plain


def as_text(where: str, path: str, value: Any, *, outputs: bool = False, optional: bool = False) -> Any:
    """A value as the text that the server gets: ``80`` is ``"80"``, ``True`` is ``"true"``.

    Args:
        where: The resource, helper or function that takes the value.
        path: The property.
        value: The value, or an output of it.
        outputs: Whether the value comes from an output. Pulumi sends numbers as doubles, so that ``5.0`` becomes ``5``.
        optional: Whether ``None`` is allowed.

    Raises:
        SourceError: The value cannot be converted; the text names the property and what to write. For an output, the
            returned output fails with this error.
    """
    if is_pending(value):
        output = pulumi.Output.from_input(value)
        return output.apply(lambda known: as_text(where, path, known, outputs=True, optional=optional))
    if value is None and optional:
        return None
    return _known_text(where, path, value, outputs=outputs)


def as_text_mapping(where: str, path: str, arguments: Any, *, outputs: bool = False) -> Any:
    """A mapping whose keys and values are texts, such as a plugin's ``args``; None if ``arguments`` is None.

    Raises:
        SourceError: ``arguments`` is not a mapping, or a value cannot be converted.
    """
    if is_pending(arguments):
        known = pulumi.Output.from_input(arguments)
        return known.apply(lambda each: as_text_mapping(where, path, each, outputs=True))
    if arguments is None:
        return None
    if not isinstance(arguments, Mapping):
        _refuse(where, path, f"a mapping is needed, not {_type_of(arguments)}: write {path}={{'NAME': VALUE}}")
    names = {name: _known_text(where, f"a key of {path}", name) for name in arguments}
    return {
        names[name]: as_text(where, _path_below(path, names[name]), value, outputs=outputs)
        for name, value in arguments.items()
    }


def as_list(where: str, name: str, value: Any) -> Any:
    """A list, or an output of one; None if ``value`` is None. A set becomes a sorted list.

    Raises:
        SourceError: ``value`` is not a list. Texts and mappings are refused, although Python can iterate over them.
    """
    if is_pending(value):
        return when_known(partial(as_list, where, name), value)
    if value is None:
        return value
    if isinstance(value, str | bytes | bytearray | Mapping) or not isinstance(value, Iterable):
        raise SourceError(f"{where}: {name} is a list: write {name.rpartition('.')[2]}=[{value!r}]")
    if isinstance(value, Set):
        return sorted(value) if all(isinstance(each, str) for each in value) else value
    return list(value)


def source_text(where: str, path: str, value: Any, *, python: bool = True) -> Any:
    """The text of a file, or an output of it.

    Args:
        where: The resource.
        path: The property.
        value: The text.
        python: Whether to treat the text as Python's: without a byte order mark, with a coding line of UTF-8.

    Raises:
        SourceError: ``value`` is the path of a file instead of its text.
    """
    if is_pending(value):
        return pulumi.Output.from_input(value).apply(lambda known: source_text(where, path, known, python=python))
    if isinstance(value, os.PathLike):
        _refuse(where, path, "a text is needed, not the path of a file: write PATH.read_text(), or source=PATH")
    plain = as_property(where, path, value)
    return as_utf8(plain) if python and isinstance(plain, str) else plain


def files_by_path(where: str, files: Any) -> Any:
    """The text of files by ``./PATH``, or an output of it.

    Raises:
        SourceError: ``files`` is not a mapping of paths to texts.
    """
    if is_pending(files):
        return pulumi.Output.from_input(files).apply(lambda known: files_by_path(where, known))
    if not isinstance(files, Mapping):
        raise SourceError(f"{where}: files maps relative paths to texts: write files={{'__init__.py': TEXT}}")
    contents = {_known_text(where, "a path in files", path): content for path, content in files.items()}
    return files_property(
        {
            path: source_text(where, _path_below("files", path), content, python=path.endswith(".py"))
            for path, content in contents.items()
        }
    )


_OUTPUT_IN_TEXT = (
    "it contains the text of an Output, which is not its value: write pulumi.Output.format('{}_cpu', OUTPUT), "
    "or OUTPUT.apply(lambda value: f'{value}_cpu')"
)
_REMEDIES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (pulumi.Resource, "a value is needed, not a resource: pass one of its outputs, such as RESOURCE.db"),
    ((bytes, bytearray, memoryview), "a text is needed, not bytes: write VALUE.decode()"),
    (timedelta, "a timedelta has several texts: write VALUE.total_seconds(), or a text such as '90s'"),
    (Set, "a set has no order: write sorted(VALUE)"),
)
_CONVERSIONS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (numbers.Integral, int),
    (float, float),
    ((Decimal, numbers.Real, UUID), str),
    ((date, time), lambda moment: moment.isoformat()),
    (os.PathLike, os.fsdecode),
    (Mapping, lambda mapping: mapping),
)


def _plain(where: str, path: str, value: Any) -> Any:
    """A known value as None, a boolean, an integer, a float, a text, a list or a mapping."""
    while isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if _is_text_of_an_output(value):
            _refuse(where, path, _OUTPUT_IN_TEXT)
        if any("\ud800" <= character <= "\udfff" for character in value):
            _refuse(where, path, "the text contains a lone surrogate (half a character), which cannot be sent")
    for kind, remedy in _REMEDIES:
        if isinstance(value, kind):
            _refuse(where, path, remedy)
    for kind, convert in _CONVERSIONS:
        if isinstance(value, kind):
            return convert(value)
    if isinstance(value, Sequence):
        return list(value)
    return _refuse(where, path, f"{_type_of(value)} cannot be sent: write it as a text, such as str(VALUE)")


def _known_text(where: str, path: str, value: Any, *, outputs: bool = False) -> str:
    if is_pending(value):
        _refuse(where, path, "an Output cannot be a key: make the whole mapping an output, with OUTPUT.apply")
    if isinstance(value, Set) or hasattr(value, "__dataclass_fields__"):
        shown = "sorted(VALUE)" if isinstance(value, Set) else "dataclasses.asdict(VALUE)"
        _refuse(where, path, f"plugins get text: pass json.dumps({shown}), and json.loads it in the plugin")
    plain = _plain(where, path, value)
    if plain is None:
        _refuse(where, path, "None is not a text: leave the argument out, or pass a text")
    if isinstance(plain, list | Mapping):
        _refuse(where, path, "plugins get text: pass json.dumps(VALUE), and json.loads it in the plugin")
    if outputs and isinstance(plain, float) and plain.is_integer():
        plain = int(plain)
    text: str = argument_text(plain)
    return text


def _holds_output(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_output, value.values()))
    return any(map(_holds_output, value)) if isinstance(value, list) else isinstance(value, pulumi.Output)


def _as_output(value: Any) -> pulumi.Output[Any]:
    return value if isinstance(value, pulumi.Output) else pulumi.Output.from_input(value)


async def _secret_names(outputs: Mapping[str, pulumi.Output[Any]]) -> list[str]:
    return [name for name, output in outputs.items() if await output.is_secret()]


async def _lost_names(outputs: Mapping[str, pulumi.Output[Any]]) -> list[str]:
    return [name for name, output in outputs.items() if not await output.is_known()]


def _is_text_of_an_output(text: str) -> bool:
    return any(each in text for each in _TEXT_OF_AN_OUTPUT)


def _path_below(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key)}]"


def _type_of(value: Any) -> str:
    return f"a value of the type {type(value).__name__}"


def _refuse(where: str, path: str, reason: str) -> NoReturn:
    raise SourceError(f"{where}: {path}: {reason}")
