"""Values of a request that may be secret: messages must not contain them if the server's answer does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from influxdb3_engine_api.foreign_text import spellings

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEMBERS = ("trigger_arguments", "input_arguments", "content", "files", "input_lp")
_PATH = "request:"


def sent_values(body: Any) -> dict[str, str]:
    """All values of a body that may be secret, in all their spellings, with their replacements in messages.

    Args:
        body: Data of a JSON body, bytes, or None.
    """
    found: dict[str, str] = {}
    for name, value in _values(body):
        found |= dict.fromkeys(spellings(value), name)
    return found


def leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """All texts in a nested value, each with its path below ``name``."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(f"{name}.{key}", each)
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from leaves(f"{name}[{number}]", each)


def path_of(specification: Any) -> Iterator[tuple[str, str]]:
    """The request path of a trigger specification, which may be the only secret that guards the plugin."""
    if isinstance(specification, str) and specification.startswith(_PATH):
        yield "the request path", specification.removeprefix(_PATH)


def _values(body: Any) -> Iterator[tuple[str, str]]:
    if isinstance(body, bytes):
        yield "the body", body.decode(errors="replace")
    elif isinstance(body, dict):
        yield from path_of(body.get("trigger_specification"))
        for name in _MEMBERS:
            if name == "files":
                for each in body.get(name) or ():
                    yield from leaves(f"files.{each['relative_path']}", each["content"])
            else:
                yield from leaves(name, body.get(name))
