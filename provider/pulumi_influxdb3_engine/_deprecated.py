"""Old names that still work."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import pulumi

from pulumi_influxdb3_engine._arguments import when_known
from pulumi_influxdb3_engine._sources import SourceError


def deprecated(where: str, old: str, new: str) -> None:
    """Warn about an old name, in the CLI's output and as a ``DeprecationWarning``.

    Args:
        where: The resource or the call.
        old: The old name.
        new: What to write instead.
    """
    text = f"{where}: {old} is deprecated: write {new}"
    warnings.warn(text, DeprecationWarning, stacklevel=2)
    pulumi.log.warn(text)


def deleted_on_destroy(where: str, retain: Any, delete_on_destroy: Any) -> Any:
    """The property ``delete_on_destroy``, as state files hold ``retain``; None if neither argument is set.

    Args:
        where: The resource.
        retain: Whether the resource stays on destroy.
        delete_on_destroy: The opposite, by its old name.

    Raises:
        SourceError: The arguments contradict each other, or ``retain`` is not a boolean. If an argument is an output,
            the result is an output that fails with this error.
    """
    if delete_on_destroy is not None:
        deprecated(where, "delete_on_destroy", "retain=False instead of delete_on_destroy=True")
    if retain is None:
        return delete_on_destroy
    return when_known(partial(_not_retained, where), retain, delete_on_destroy)


def _not_retained(where: str, retain: Any, delete_on_destroy: Any) -> bool | None:
    if retain is None:
        return None if delete_on_destroy is None else bool(delete_on_destroy)
    if not isinstance(retain, bool):
        raise SourceError(f"{where}: retain: True or False is needed")
    if delete_on_destroy is retain:
        raise SourceError(f"{where}: retain={retain} and delete_on_destroy={retain} contradict each other: set retain")
    return not retain
