"""Plugins named ``gh:PATH``, fetched over HTTP (contract 4.1)."""

from __future__ import annotations

from urllib.parse import unquote

from influxdb3_embedded.runner.safe_texts import without_credentials

DEFAULT_REPOSITORY = "https://raw.githubusercontent.com/influxdata/influxdb3_plugins/main/"
"""Default URL of ``gh:`` plugins."""

_MAX_SOURCE = 10 * 1024 * 1024
_SECONDS = 30


class RepositoryError(Exception):
    """A plugin cannot be fetched; the text is the real server's."""


class PluginRepository:
    """Fetches plugins below a base URL.

    Args:
        base_url: Any HTTP(S) URL.
    """

    def __init__(self, base_url: str = DEFAULT_REPOSITORY) -> None:
        self._base_url = base_url

    async def fetch(self, path: str) -> str:
        """Fetch a plugin file.

        Args:
            path: The name after ``gh:``.

        Returns:
            The file's text.

        Raises:
            RepositoryError: The file is missing, or is no text.
        """
        import httpx  # noqa: PLC0415 - the engine starts faster without it, and few engines fetch plugins

        if ".." in unquote(path).replace("\\", "/").split("/"):
            raise RepositoryError(
                f"Path traversal detected: plugin filename 'gh:{path}' attempts to access files outside the "
                "plugin directory"
            )
        slash = "" if self._base_url.endswith("/") or path.startswith("/") else "/"
        failed = "error getting plugin from repository"
        try:
            url = httpx.URL(f"{self._base_url}{slash}{path}")
            async with (
                httpx.AsyncClient(timeout=_SECONDS, follow_redirects=True) as client,
                client.stream("GET", url) as response,
            ):
                if not response.is_success:
                    status = f"{response.status_code} {response.reason_phrase}".strip()
                    shown = without_credentials(str(url))
                    raise RepositoryError(f"error fetching plugin from repository: {status} {shown}")
                failed = "error reading plugin from repository"
                content = bytearray()
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > _MAX_SOURCE:
                        raise RepositoryError(failed)
            return content.decode()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise RepositoryError(failed) from error
