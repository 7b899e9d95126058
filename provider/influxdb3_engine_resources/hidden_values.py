"""Values that messages must not repeat: secrets, and values that may be secret in texts of servers and plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from influxdb3_engine_api.foreign_text import hide
from influxdb3_engine_api.sent_values import leaves, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAY_BE_SECRET = ("trigger_arguments", "restart_on")
_MAY_HOLD_URLS = ("packages", "requirements")


def hide_secrets(properties: Mapping[str, Any], names: Any) -> None:
    """Hide the values of secret properties in all messages.

    Args:
        properties: The properties of a resource.
        names: The names of those that are secret.
    """
    for name in names if isinstance(names, list) else ():
        for path, value in leaves(name, properties.get(name)):
            hide(path, value, secret=True)
        if name == "trigger_settings" and isinstance(properties.get(name), dict):
            for key in properties[name].keys() - {"run_async", "error_behavior"}:
                hide(name, key, secret=True)


def hide_inputs(properties: Mapping[str, Any]) -> None:
    """Hide values that may be secret in texts of servers, plugins and pip: Pulumi does not say which are secret."""
    for path, value in _values(properties):
        hide(path, value)


def _values(properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _MAY_BE_SECRET:
        yield from leaves(name, properties.get(name))
    yield from path_of(properties.get("trigger_specification"))
    tests = properties.get("test")
    for number, test in enumerate(tests if isinstance(tests, list) else ()):
        if isinstance(test, dict):
            yield from leaves(f"test[{number}].arguments", test.get("arguments"))
    for name in _MAY_HOLD_URLS:
        for path, text in leaves(name, properties.get(name)):
            for word in text.split():
                yield from ((path, part) for part in _secret_parts(word))


def _secret_parts(url: str) -> Iterator[str]:
    """User, password, query and fragment of a URL, raw and decoded; nothing if the text is no URL."""
    if "://" not in url:
        return
    try:
        parts = urlsplit(url)
        found = [parts.username, parts.password, parts.query, parts.fragment]
    except ValueError:
        return
    for part in filter(None, found):
        yield part
        if unquote(part) != part:
            yield unquote(part)
