"""Names in the program: stable, readable, unique."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PLAIN_RESOURCE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. /-]*")
_RESERVED = {
    *keyword.kwlist,
    *keyword.softkwlist,
    *dir(builtins),
    *("config", "cron", "every", "pathlib", "pulumi", "request", "table"),
}


def slug(text: str, otherwise: str) -> str:
    """A text as a Python name in lower case, such as ``disk_usage`` for ``Disk-Usage``.

    Args:
        text: The text.
        otherwise: The name if the text holds no ASCII letter or digit; also goes before a digit.
    """
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", ascii_text).strip("_")
    return f"{otherwise}_{name}".rstrip("_") if not name or name[0].isdigit() else name


class UniqueNames:
    """Gives out names, each once.

    Args:
        taken: Names that are never given out.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def first_free(self, *wanted: str) -> str:
        """The first wanted name that is free, else the last one with a number."""
        candidates = [*wanted, *(f"{wanted[-1]}_{number}" for number in range(2, len(self._taken) + 3))]
        name = next(each for each in candidates if each not in self._taken)
        self._taken.add(name)
        return name


class Variables(UniqueNames):
    """Names of the program's variables."""

    def __init__(self) -> None:
        super().__init__(_RESERVED)

    def add(self, text: str, kind: str) -> str:
        """A variable for something of a kind, such as ``alert`` or ``alert_plugin``."""
        name = slug(text, kind)
        return self.first_free(name, f"{name}_{kind}")


def resource_names(triggers: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
    """Names of resources for triggers, each given as its database and its name.

    A trigger's own name if no trigger of another database has it; else with the database before it.
    """
    owners = sorted(triggers)
    counts = Counter(name for _db, name in owners)
    names = UniqueNames()
    plain = {owner for owner in owners if counts[owner[1]] == 1 and _PLAIN_RESOURCE.fullmatch(owner[1])}
    found = {owner: names.first_free(owner[1]) for owner in sorted(plain)}
    for db, name in owners:
        if (db, name) not in plain:
            shown = name if _PLAIN_RESOURCE.fullmatch(name) else slug(name, "trigger")
            found[db, name] = names.first_free(*([shown] if counts[name] == 1 else []), f"{db}_{shown}")
    return found
