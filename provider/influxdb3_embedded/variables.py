"""Which environment variables plugins and pip get: those on a list, not all of the person who starts the engine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

FOR_PLUGINS = (
    *("HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SHELL", "TEMP", "TMP", "TMPDIR", "USER"),
    *("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
)
"""What plugins get, besides ``LC_*`` and what ``--plugin-env`` names."""

FOR_PIP = (
    *("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "all_proxy", "https_proxy", "http_proxy", "no_proxy"),
    *("GIT_SSL_CAINFO", "NETRC", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
)
"""What pip gets besides: where packages come from, which may take credentials. ``PIP_*`` too."""


def for_plugins(names: Collection[str]) -> dict[str, str]:
    """The variables that plugins get.

    Args:
        names: Further names, those of ``--plugin-env``.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name in FOR_PLUGINS or name.startswith("LC_") or name in names
    }


def for_pip(names: Collection[str]) -> dict[str, str]:
    """The variables that pip and what it starts get: those of plugins, and those that say where packages come from."""
    own = {name: value for name, value in os.environ.items() if name in FOR_PIP or name.startswith("PIP_")}
    return for_plugins(names) | own


def for_engine(names: Collection[str]) -> dict[str, str]:
    """The variables that the engine keeps once it has read its settings: what it hands on, and its interpreter's."""
    own = {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}
    return for_pip(names) | own
