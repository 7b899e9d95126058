"""The packages that the sets of one program declare; finds contradictions offline."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packaging.requirements import Requirement


class DeclaredRequirement(NamedTuple):
    """A requirement and the package set that declares it."""

    set_name: str
    requirement: Requirement


class DeclaredPackages:
    """The package sets that a program declares; safe to share between threads."""

    def __init__(self) -> None:
        self._sets: dict[tuple[str, frozenset[str]], Sequence[Requirement]] = {}
        self._guard = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._sets)

    def declare(self, set_name: str, requirements: Sequence[Requirement]) -> list[str]:
        """Note the requirements of a set; sets in different components may have the same name.

        Returns:
            Contradictions with other sets of the program: one text for each.
        """
        with self._guard:
            self._sets[_key(set_name, requirements)] = requirements
        others = self.others(set_name, requirements)
        if not others:
            return []
        from influxdb3_engine_resources.packages.contradictions import (  # noqa: PLC0415 - loads `packaging`: 20 ms
            contradiction,
        )

        return [text for mine in requirements for other in others if (text := contradiction(mine, *other))]

    def others(self, set_name: str, requirements: Sequence[Requirement]) -> list[DeclaredRequirement]:
        """Requirements of all sets but the one with this name and these requirements."""
        mine = _key(set_name, requirements)
        with self._guard:
            return [
                DeclaredRequirement(key[0], requirement)
                for key, theirs in self._sets.items()
                if key != mine
                for requirement in theirs
            ]


def _key(set_name: str, requirements: Sequence[Requirement]) -> tuple[str, frozenset[str]]:
    return set_name, frozenset(map(str, requirements))
