"""Plugins named ``gh:PATH``, fetched over HTTP (contract 4.1)."""

from __future__ import annotations

from urllib.parse import unquote

import httpx

DEFAULT_REPOSITORY = "https://raw.githubusercontent.com/influxdata/influxdb3_plugins/main/"
"""Where ``gh:`` plugins come from unless the server is told otherwise."""

_MAX_SOURCE = 10 * 1024 * 1024


class RepositoryError(Exception):
    """A plugin could not be fetched; the text is the server's."""


class PluginRepository:
    """A base URL below which plugin files lie.

    Args:
        base_url: Any HTTP(S) URL.
        client: The client to fetch with; one of its own if left out.
    """

    def __init__(self, base_url: str = DEFAULT_REPOSITORY, *, client: httpx.AsyncClient | None = None) -> None:
        self._base_url = base_url
        self._client = client

    async def fetch(self, path: str) -> str:
        """Fetch a plugin file.

        Args:
            path: What follows ``gh:``.

        Returns:
            The file's text.

        Raises:
            RepositoryError: It is not there, or not text.
        """
        if ".." in unquote(path).replace("\\", "/").split("/"):
            raise RepositoryError(
                f"Path traversal detected: plugin filename 'gh:{path}' attempts to access files outside the "
                "plugin directory"
            )
        if self._client is not None:
            return await self._fetch(self._client, path)
        async with httpx.AsyncClient(timeout=30) as client:
            return await self._fetch(client, path)

    async def _fetch(self, client: httpx.AsyncClient, path: str) -> str:
        slash = "" if self._base_url.endswith("/") or path.startswith("/") else "/"
        try:
            url = httpx.URL(f"{self._base_url}{slash}{path}")
            async with client.stream("GET", url, follow_redirects=True) as response:
                if not response.is_success:
                    status = f"{response.status_code} {response.reason_phrase}".strip()
                    raise RepositoryError(f"error fetching plugin from repository: {status} {url}")
                content = await self._read(response)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise RepositoryError("error getting plugin from repository") from error
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise RepositoryError("error reading plugin from repository") from error

    @staticmethod
    async def _read(response: httpx.Response) -> bytes:
        content = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > _MAX_SOURCE:
                    raise RepositoryError("error reading plugin from repository")
        except httpx.HTTPError as error:
            raise RepositoryError("error reading plugin from repository") from error
        return bytes(content)
