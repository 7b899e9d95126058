"""Whether a URL and a token can be used at all; without httpx, which a deployment that sends nothing need not load."""

from __future__ import annotations

from urllib.parse import urlsplit

URL_FORM = "write http://HOST:PORT or https://HOST:PORT"


def url_problem(host_url: str) -> str | None:
    """Why a text is no base URL of an engine, or ``None`` where it is one."""
    if not host_url.isprintable() or " " in host_url:
        return "the engine's URL holds a space or a control character"
    try:
        url = urlsplit(host_url)
        port = url.port
    except ValueError as error:
        return f"the engine's URL cannot be read ({error})"
    if url.scheme not in {"http", "https"} or "://" not in host_url:
        return "the engine's URL does not start with http:// or https://"
    if not url.hostname or port == 0:
        return "the engine's URL has no host, or the port 0"
    if url.username is not None or url.password is not None or url.query or url.fragment:
        return "the engine's URL holds a user, a query or a fragment"
    if url.path.startswith("/api/"):
        return "the engine's URL holds a path of the API, which is added to it"
    return None


def token_problem(token: str) -> str | None:
    """Why a token cannot be sent, or ``None`` where it can; the text does not hold it."""
    if token.isascii() and token.isprintable() and " " not in token:
        return None
    return "the API token holds a space, a line break or another character that no header carries"
