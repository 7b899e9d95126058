"""The keys of a stack's configuration: which values each takes, and how to correct a mistake.

A program imports this module to find mistakes before it declares anything. So the module loads no library.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from influxdb3_engine_api.addresses import token_problem, url_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NAMESPACE = "influxdb3"
_TRUE, _FALSE = {"true", "t", "yes", "y", "on", "1"}, {"false", "f", "no", "n", "off", "0"}
_DATABASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class HostAddress(NamedTuple):
    """A host that gets plugin files and packages.

    Attributes:
        url: The base URL.
        node_id: The node id that ``node_spec`` uses; None if the stack does not name it.
    """

    url: str
    node_id: str | None = None


class Slip(NamedTuple):
    """A mistake in the configuration.

    Attributes:
        source: The key, such as ``influxdb3:timeout``, or the environment variable.
        reason: What is wrong, and the command that corrects it; does not repeat the value, which may be secret.
    """

    source: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


class _Invalid(ValueError):
    """An invalid value; the text says why.

    Attributes:
        instead: What the user probably meant, or None.
    """

    def __init__(self, reason: str, instead: str | None = None) -> None:
        super().__init__(reason)
        self.instead = instead


def database_problem(name: str) -> str | None:
    """Why a database name is invalid, or None if it is valid."""
    if _DATABASE.fullmatch(name) and len(name) <= 511:
        return None
    return (
        "a database name starts with an ASCII letter or digit, continues with letters, digits, '_' and '-', "
        "and has at most 511 characters"
    )


def _url(value: Any) -> str:
    if not isinstance(value, str):
        raise _Invalid("a URL is needed")
    problem = url_problem(value)
    if problem:
        with_scheme = f"http://{value}"
        raise _Invalid(problem, None if "://" in value or url_problem(with_scheme) else with_scheme)
    return value.rstrip("/")


def _index(value: Any) -> str:
    scheme, _, rest = value.partition("://") if isinstance(value, str) else ("", "", "")
    if scheme.lower() in {"https", "http", "file"} and rest:
        return str(value)
    raise _Invalid("the URL of a registry's index is needed: https, http or file")


def _plugin_hosts(value: Any) -> tuple[HostAddress, ...]:
    """Parse JSON (``pulumi config set --path``), or URLs with commas between."""
    if isinstance(value, str):
        value = _json(value) if value.lstrip()[:1] in {"[", "{"} else value.split(",")
    if isinstance(value, dict):
        hosts = [HostAddress(url, node_id) for node_id, url in value.items()]
    elif isinstance(value, list | tuple):
        hosts = [each if isinstance(each, HostAddress) else HostAddress(each) for each in value if each]
    else:
        raise _Invalid("a list of URLs is needed")
    bare = [host._replace(url=host.url.strip() if isinstance(host.url, str) else host.url) for host in hosts]
    return tuple(host._replace(url=_url(host.url)) for host in bare)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise _Invalid('invalid JSON: write URLs with commas between, ["URL", ...] or {"NODE": "URL"}') from None


def _token(value: Any) -> str:
    bare = value.strip() if isinstance(value, str) else ""  # a file with a token may end with a line break
    problem = token_problem(bare) if bare else "the API token is empty"
    if problem:
        raise _Invalid(problem)
    return str(bare)


def _database(value: Any) -> str:
    if not isinstance(value, str):
        raise _Invalid("a text is needed")
    if problem := database_problem(value):
        raise _Invalid(problem)
    return value


def _file(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _Invalid("the path of a PEM file is needed")
    return value


def _switch(value: Any) -> bool:
    text = str(value).strip().lower()
    if text in _TRUE | _FALSE:
        return text in _TRUE
    raise _Invalid("true or false is needed")


def _seconds(value: Any) -> float:
    try:
        seconds = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        seconds = math.nan
    if math.isfinite(seconds) and seconds > 0:
        return seconds
    raise _Invalid("a number of seconds above 0 is needed, without a unit")


class _Key(NamedTuple):
    """One key.

    Attributes:
        attribute: The attribute of ``Configuration``.
        variable: Environment variable that is read if the key is not set.
        parse: Turns a text into the value; raises ``_Invalid``.
        example: The value in commands that messages propose.
    """

    attribute: str
    variable: str | None
    parse: Callable[[Any], Any]
    example: str


KEYS = {
    "hostUrl": _Key("host_url", "INFLUXDB3_HOST_URL", _url, "http://HOST:PORT"),
    "pluginHosts": _Key("plugin_hosts", None, _plugin_hosts, "http://HOST:PORT,http://HOST:PORT"),
    "authToken": _Key("auth_token", "INFLUXDB3_AUTH_TOKEN", _token, "TOKEN"),
    "database": _Key("database", "INFLUXDB3_DATABASE_NAME", _database, "NAME"),
    "tlsCa": _Key("tls_ca", "INFLUXDB3_TLS_CA", _file, "FILE"),
    "tlsNoVerify": _Key("tls_no_verify", "INFLUXDB3_TLS_NO_VERIFY", _switch, "true"),
    "timeout": _Key("timeout", None, _seconds, "30"),
    "packageTimeout": _Key("package_timeout", None, _seconds, "600"),
    "registry": _Key("registry", None, _index, "https://HOST/index.json"),
    "adopt": _Key("adopt", None, _switch, "true"),
    "onlineChecks": _Key("online_checks", None, _switch, "true"),
}
PARSERS = {key.attribute: key.parse for key in KEYS.values()}


def read(stack_config: Callable[[str], Any]) -> tuple[dict[str, Any], list[Slip]]:
    """The valid values of a stack by attribute of ``Configuration``, and the mistakes.

    Args:
        stack_config: Looks up a key such as ``influxdb3:hostUrl`` with secrets decrypted; None if the key is not set.
    """
    values, slips = {}, []
    for name, key in KEYS.items():
        source, value = f"{NAMESPACE}:{name}", stack_config(f"{NAMESPACE}:{name}")
        if value is None and key.variable is not None:
            source, value = key.variable, os.environ.get(key.variable) or None
        if value is None:
            continue
        try:
            values[key.attribute] = key.parse(value)
        except _Invalid as invalid:
            command = f"export {source}=" if source == key.variable else f"pulumi config set {_option(name)}{source} "
            slips.append(Slip(source, f"{invalid}: {command}{invalid.instead or key.example}"))
    return values, slips


def unknown(keys: Iterable[str]) -> list[Slip]:
    """Unknown keys of the namespace, each with the most similar key that exists.

    Args:
        keys: All keys of the stack, such as ``influxdb3:hosturl``.
    """
    slips = []
    for key in sorted(keys):
        namespace, _, name = key.partition(":")
        if namespace != NAMESPACE or name in KEYS:
            continue
        lower = {each.lower(): each for each in KEYS}
        near = [lower[each] for each in difflib.get_close_matches(name.lower(), lower, n=1)]
        if near:
            reason = f"unknown key, perhaps {NAMESPACE}:{near[0]} is meant: " + " && ".join(
                [
                    f"pulumi config rm {key}",
                    f"pulumi config set {_option(near[0])}{NAMESPACE}:{near[0]} {KEYS[near[0]].example}",
                ]
            )
        else:
            reason = f"unknown key; the keys are {', '.join(KEYS)}: pulumi config rm {key}"
        slips.append(Slip(key, reason))
    return slips


def _option(name: str) -> str:
    return "--secret " if name == "authToken" else ""
