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
ENGINES = "engines"
"""The key that names further servers: a mapping from engine name to keys of that server."""
_TRUE, _FALSE = {"true", "t", "yes", "y", "on", "1"}, {"false", "f", "no", "n", "off", "0"}
_DATABASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ENGINE = re.compile(r"[A-Za-z0-9_-]+")
OF_ONE_SERVER = frozenset({"hostUrl", "pluginHosts", "authToken", "tlsNoVerify"})
"""Keys that engines do not inherit: an engine must not get the token, or the trust, of another server."""


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
_INHERITED = [key for name, key in KEYS.items() if name not in OF_ONE_SERVER]
_KEY_IN_TEXT = re.compile(
    r"(?P<command>pulumi config set (?:--path )?(?P<secret>--secret )?)?"
    rf"{NAMESPACE}:(?P<name>hostUrl|pluginHosts|authToken|timeout|packageTimeout|database)\b(?P<below>(?:\.[\w-]+)*)"
)
"""Keys in messages that concern one server; ``adopt`` concerns the whole stack."""


class Settings(NamedTuple):
    """The valid values of a stack, by attribute of ``Configuration``.

    Attributes:
        default: Those of the default server.
        engines: Those of each engine, with what it inherits.
    """

    default: dict[str, Any]
    engines: dict[str, dict[str, Any]]


def read(stack_config: Callable[[str], Any]) -> tuple[Settings, list[Slip]]:
    """The valid values of a stack, and the mistakes.

    Args:
        stack_config: Looks up a key such as ``influxdb3:hostUrl`` with secrets decrypted; None if the key is not set.
    """
    values, slips = _read_default(stack_config)
    inherited = {key.attribute: values[key.attribute] for key in _INHERITED if key.attribute in values}
    engines = {}
    for name, keys in _read_engines(stack_config(f"{NAMESPACE}:{ENGINES}"), slips).items():
        own = _read_engine(name, keys, slips)
        engines[name] = inherited | own | {"engine": name}
    return Settings(values, engines), slips


def _read_default(stack_config: Callable[[str], Any]) -> tuple[dict[str, Any], list[Slip]]:
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


def _read_engines(value: Any, slips: list[Slip]) -> dict[str, dict[str, Any]]:
    """The keys of each engine with a valid name; ``value`` is JSON, as Pulumi passes structured configuration."""
    source, example = f"{NAMESPACE}:{ENGINES}", set_command("hostUrl", "NAME")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = ""
    if value is None:
        return {}
    if not isinstance(value, dict):
        slips.append(Slip(source, f"a mapping from engine name to keys is needed: {example}"))
        return {}
    found = {}
    for name, keys in value.items():
        if not _ENGINE.fullmatch(name):
            slips.append(Slip(source, f"an engine name has only ASCII letters, digits, '_' and '-': {example}"))
        elif isinstance(keys, dict):
            found[name] = keys
        else:
            reason = f"a mapping from key to value is needed: {set_command('hostUrl', name)}"
            slips.append(Slip(f"{source}.{name}", reason))
    return found


def _read_engine(engine: str, keys: dict[str, Any], slips: list[Slip]) -> dict[str, Any]:
    """The valid values of an engine's own keys."""
    values = {}
    if keys.get("hostUrl") is None:
        slips.append(Slip(key_path("hostUrl", engine), f"a URL is needed: {set_command('hostUrl', engine)}"))
    for name, value in keys.items():
        if name not in KEYS:
            slips.append(_unknown_below(engine, name))
        elif value is not None:
            # 'pulumi config set --path' stores texts such as 30 and true as numbers and booleans
            text = json.dumps(value) if isinstance(value, int | float) else value
            try:
                values[KEYS[name].attribute] = KEYS[name].parse(text)
            except _Invalid as invalid:
                command = set_command(name, engine, invalid.instead)
                slips.append(Slip(key_path(name, engine), f"{invalid}: {command}"))
    return values


def _unknown_below(engine: str, name: str) -> Slip:
    path, near = key_path(name, engine), nearest(name, KEYS)
    remove = f"pulumi config rm --path '{path}'"
    if near is None:
        return Slip(path, f"unknown key; the keys are {', '.join(KEYS)}: {remove}")
    return Slip(path, f"unknown key, perhaps {near} is meant: {remove} && {set_command(near, engine)}")


def key_path(name: str, engine: str | None) -> str:
    """A key of the default server, or of an engine: ``influxdb3:engines.berlin.timeout``."""
    return f"{NAMESPACE}:{name}" if engine is None else f"{NAMESPACE}:{ENGINES}.{engine}.{name}"


def set_command(name: str, engine: str, value: str | None = None) -> str:
    """The command that sets a key of an engine; default value: an example."""
    example = "URL" if name == "hostUrl" else KEYS[name].example
    return f"pulumi config set --path {_option(name)}'{key_path(name, engine)}' {value or example}"


def about_engine(text: str, engine: str | None) -> str:
    """A message about the default server as a message about an engine: its keys stand under the engine."""
    return text if engine is None else _KEY_IN_TEXT.sub(lambda found: _key_of_engine(found, engine), text)


def _key_of_engine(found: re.Match[str], engine: str) -> str:
    path = f"{key_path(found['name'], engine)}{found['below']}"
    secret = "--secret " if found["secret"] else ""
    return f"pulumi config set --path {secret}'{path}'" if found["command"] else path


def unknown_engine(name: str, engines: Iterable[str]) -> str:
    """Why an engine name is refused: the nearest name that exists, and all names."""
    known = list(engines)
    near = nearest(name, known)
    if not known:
        return f"the stack names no engines: {set_command('hostUrl', name)}"
    meant = f", perhaps {near!r} is meant" if near else ""
    return (
        f"{NAMESPACE}:{ENGINES} has no engine {name!r}{meant}; the engines are {', '.join(sorted(known))}: "
        f"{set_command('hostUrl', name)}"
    )


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The most similar of the known names, or None if none is similar."""
    lower = {each.lower(): each for each in known}
    return next((lower[each] for each in difflib.get_close_matches(name.lower(), lower, n=1)), None)


def unknown(keys: Iterable[str]) -> list[Slip]:
    """Unknown keys of the namespace, each with the most similar key that exists.

    Args:
        keys: All keys of the stack, such as ``influxdb3:hosturl``.
    """
    slips = []
    for key in sorted(keys):
        namespace, _, name = key.partition(":")
        if namespace != NAMESPACE or name in {*KEYS, ENGINES}:
            continue
        near = nearest(name, [*KEYS, ENGINES])
        if near is None:
            reason = f"unknown key; the keys are {', '.join([*KEYS, ENGINES])}: pulumi config rm {key}"
        else:
            command = (
                set_command("hostUrl", "NAME")
                if near == ENGINES
                else f"pulumi config set {_option(near)}{NAMESPACE}:{near} {KEYS[near].example}"
            )
            reason = f"unknown key, perhaps {NAMESPACE}:{near} is meant: pulumi config rm {key} && {command}"
        slips.append(Slip(key, reason))
    return slips


def _option(name: str) -> str:
    return "--secret " if name == "authToken" else ""
