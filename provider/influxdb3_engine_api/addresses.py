"""Checks of a server's URL and token; without httpx, which a deployment without requests need not load."""

from __future__ import annotations

from urllib.parse import urlsplit

URL_FORM = "write http://HOST:PORT or https://HOST:PORT"


def url_problem(host_url: str) -> str | None:
    """Why a text is not a valid base URL of a server; None if it is valid."""
    if not host_url.isprintable() or " " in host_url:
        return "the server's URL contains a space or a control character"
    try:
        url = urlsplit(host_url)
        port = url.port
    except ValueError as error:
        return f"the server's URL is invalid ({error})"
    if url.scheme not in {"http", "https"} or "://" not in host_url:
        return "the server's URL does not start with http:// or https://"
    if not url.hostname or port == 0:
        return "the server's URL has no host, or the port 0"
    if url.username is not None or url.password is not None or url.query or url.fragment:
        return "the server's URL contains a user, a query or a fragment"
    if url.path.startswith("/api/"):
        return "the server's URL contains a path of the API: leave the path out"
    return None


def token_problem(token: str) -> str | None:
    """Why a token cannot be sent; None if it can. The text does not contain the token."""
    if token.isascii() and token.isprintable() and " " not in token:
        return None
    return "the API token contains a space, a line break or another character that no header can carry"
