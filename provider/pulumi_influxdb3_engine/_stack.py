"""The stack's configuration as a program sees it."""

from __future__ import annotations

import os
from functools import lru_cache

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from pulumi_influxdb3_engine._sources import SourceError


def check_stack() -> None:
    """Refuse a slip in the stack's configuration in the program: once, and before anything is declared.

    Raises:
        SourceError: One line for each slip, with the command that mends it.
    """
    keys = CONFIG.get() or get_config_env()
    own = frozenset((key, value) for key, value in keys.items() if key.startswith("influxdb3:"))
    environment = frozenset((key, value) for key, value in os.environ.items() if key.startswith("INFLUXDB3_"))
    slips = _slips(own, environment, pulumi.get_project())
    if slips:
        raise SourceError("\n".join(slips))


@lru_cache(maxsize=8)
def _slips(own: frozenset[tuple[str, str]], _environment: frozenset[tuple[str, str]], project: str) -> list[str]:
    from influxdb3_engine_resources.stack_keys import NAMESPACE, read, unknown  # noqa: PLC0415 - not for an import

    keys = dict(own)
    slips = read(keys.get)[1]
    if project != NAMESPACE:  # whose own keys are in the same namespace
        slips += unknown(keys)
    return [str(slip) for slip in slips]
