"""Which values of arguments look like secrets: by the argument's name, or by the value's form."""

from __future__ import annotations

import re
from itertools import pairwise

_WORDS = {"auth", "authorization", "cookie", "dsn", "key", "keys", "pass", "pwd", "pat"}
"""Words of a name; each is part of many harmless words."""
_PARTS = (
    "apikey",
    "bearer",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "token",
    "webhook",
)
"""Parts of a name, with words written together."""
_HARMLESS = {"", "true", "false", "yes", "no", "on", "off", "none", "null"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_FORMS = re.compile(
    r"""\bapiv3_[\w-]{8,}                                         # an API token of InfluxDB 3
    | \beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*                           # a JSON Web Token
    | \b(ghp|gho|ghs|ghu|github_pat|glpat|xox[abprs]|hf|npm)[_-]\w{8,}
    | \bsk-[\w-]{16,} | \bAKIA[A-Z0-9]{12,}
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY
    | ^(Basic|Bearer|Token)\ \S
    | \b[a-z][a-z0-9+.-]*://[^\s/?#@]+@                           # a URL with a user
    | ^https://(hooks\.slack\.com|discord(app)?\.com/api/webhooks)/
    """,
    re.VERBOSE | re.IGNORECASE,
)
_QUERY = re.compile(r"[?&]([^=&\s]+)=[^&\s]")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LONG = re.compile(r"[A-Za-z0-9_+/=-]{20,}")
_LEAST_CHANGES = 0.27
"""Share of neighbours of different classes (lower case, upper case, digit): words have less, random text has more."""


def looks_secret(name: str, value: str) -> bool:
    """Whether the value of an argument looks like a secret.

    When unsure, treats a value as secret: a harmless value in the encrypted configuration costs little.

    Args:
        name: Name of the argument.
        value: Its value.
    """
    return value.strip().lower() not in _HARMLESS and (_is_secret_name(name) or has_secret_form(value))


def has_secret_form(value: str) -> bool:
    """Whether a value has the form of a token, a URL with credentials, or long random text."""
    if _FORMS.search(value) or any(_is_secret_name(name) for name in _QUERY.findall(value)):
        return True
    return any(_is_random(run) for run in _LONG.findall(_UUID.sub("", value)))


def _is_secret_name(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    return bool(_WORDS & set(words)) or any(part in "".join(words) for part in _PARTS)


def _is_random(run: str) -> bool:
    classes = ["0" if each.isdigit() else "A" if each.isupper() else "a" for each in run if each.isalnum()]
    # a capital that begins a word is no change
    changes = sum(one != other and (one, other) != ("A", "a") for one, other in pairwise(classes))
    return len(set(run)) >= 8 and changes >= _LEAST_CHANGES * len(classes)
