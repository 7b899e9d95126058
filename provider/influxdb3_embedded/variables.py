"""Selects the environment variables of plugins and pip. They get listed ones only: others can hold secrets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

FOR_PLUGINS = (
    *("HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SHELL", "TEMP", "TMP", "TMPDIR", "USER"),
    *("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
)
"""Variables of plugins, besides ``LC_*`` and those that ``--plugin-env`` names."""

FOR_PIP = (
    *("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "all_proxy", "https_proxy", "http_proxy", "no_proxy"),
    *("GIT_SSL_CAINFO", "NETRC", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
)
"""Further variables of pip, besides ``PIP_*``. They say where packages come from, and can hold credentials."""


def for_plugins(names: Collection[str]) -> dict[str, str]:
    """Return the variables of plugins.

    Args:
        names: Names that ``--plugin-env`` adds.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name in FOR_PLUGINS or name.startswith("LC_") or name in names
    }


def for_pip(names: Collection[str]) -> dict[str, str]:
    """Return the variables of pip and of the processes that it starts."""
    own = {name: value for name, value in os.environ.items() if name in FOR_PIP or name.startswith("PIP_")}
    return for_plugins(names) | own


def for_engine(names: Collection[str]) -> dict[str, str]:
    """Return the variables that the engine keeps after it has read its settings: those of pip, and of Python."""
    own = {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}
    return for_pip(names) | own
