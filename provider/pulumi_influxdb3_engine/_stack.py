"""Checks the stack's configuration in the program."""

from __future__ import annotations

import json
import os
from functools import lru_cache

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from pulumi_influxdb3_engine._sources import SourceError


def engine_names() -> list[str]:
    """The names of the servers in ``influxdb3:engines``, sorted, for a program that deploys to all of them.

    Raises:
        SourceError: The stack's configuration is invalid.
    """
    check_stack()
    # not by pulumi.Config: it warns if a value below the key is secret
    return sorted(json.loads((CONFIG.get() or get_config_env()).get("influxdb3:engines", "{}")))


def names_engines() -> bool:
    """Whether the stack names engines."""
    return "influxdb3:engines" in (CONFIG.get() or get_config_env())


def check_stack() -> None:
    """Check the stack's configuration before the program declares anything.

    Raises:
        SourceError: A value is invalid or a key unknown: one line each, with the command that corrects it.
    """
    keys = CONFIG.get() or get_config_env()
    stack = frozenset((key, value) for key, value in keys.items() if key.startswith("influxdb3:"))
    environment = frozenset((key, value) for key, value in os.environ.items() if key.startswith("INFLUXDB3_"))
    problems = _problems(stack, environment, pulumi.get_project())
    if problems:
        raise SourceError("\n".join(problems))


@lru_cache(maxsize=8)
def _problems(stack: frozenset[tuple[str, str]], _environment: frozenset[tuple[str, str]], project: str) -> list[str]:
    from influxdb3_engine_resources.stack_keys import NAMESPACE, read, unknown  # noqa: PLC0415 - keeps imports short

    keys = dict(stack)
    problems = read(keys.get)[1]
    if project != NAMESPACE:  # a project named "influxdb3" has keys of its own in the same namespace
        problems += unknown(keys)
    return [str(problem) for problem in problems]
