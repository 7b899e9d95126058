"""What a program passes to a resource, made into properties; outputs of other resources are waited for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pulumi

from pulumi_influxdb3_engine._properties import argument_text, files_property
from pulumi_influxdb3_engine._sources import SourceError


def texts(arguments: Any) -> Any:
    """A plugin's ``args`` as text: converted here, where Python tells ``80`` from ``80.0``, which travel as doubles.

    What is no mapping is left to the resource's check, which names the property.
    """
    if isinstance(arguments, pulumi.Output):
        return arguments.apply(texts)
    if not isinstance(arguments, Mapping):
        return arguments
    return {
        name: value.apply(argument_text) if isinstance(value, pulumi.Output) else argument_text(value)
        for name, value in arguments.items()
    }


def listed(where: str, name: str, value: Any) -> Any:
    """A list, or an output of one; ``None`` where nothing is given.

    Raises:
        SourceError: It is none; a text or a mapping, which Python would take for a list of its characters or keys, is
            none either.
    """
    if value is None or isinstance(value, pulumi.Output):
        return value
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise SourceError(f"{where}: {name} is a list: write {name}=[{value!r}]")
    return list(value)


def files_by_path(where: str, files: Any) -> Any:
    """Files of a directory by ``./PATH``, or an output of them.

    Raises:
        SourceError: They are no mapping.
    """
    if isinstance(files, pulumi.Output):
        return files.apply(lambda known: files_by_path(where, known))
    if not isinstance(files, Mapping) or not all(isinstance(path, str) for path in files):
        raise SourceError(f"{where}: files maps relative paths to texts: write files={{'__init__.py': TEXT}}")
    return files_property(files)


def given(**inputs: Any) -> dict[str, Any]:
    """Inputs that a resource does not show as outputs, where set: Pulumi makes an output of each that it is passed."""
    return {name: value for name, value in inputs.items() if value is not None}
