"""A registry of plugins for tests: packs folders as InfluxData's SDK does, and serves them as files or over HTTP."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

INFLUXDATA = "https://github.com/influxdata/influxdb3_plugins/releases/download/registry/index.json"


def manifest(
    name: str,
    version: str = "1.0.0",
    triggers: tuple[str, ...] = ("process_scheduled_call",),
    *,
    database_version: str = ">=3.0.0",
    python: tuple[str, ...] = (),
    plugins: tuple[tuple[str, str], ...] = (),
    exclude: tuple[str, ...] = (),
    index_url: str = INFLUXDATA,
) -> str:
    """The text of a ``manifest.toml``; ``plugins`` are names and ranges of dependencies."""
    needed = "".join(
        f"\n[[dependencies.plugins]]\nindex_url = {json.dumps(index_url)}\nname = {json.dumps(other)}\n"
        f"version = {json.dumps(wanted)}\n"
        for other, wanted in plugins
    )
    return (
        f'manifest_schema_version = "1.3"\n\n[plugin]\nname = "{name}"\nversion = "{version}"\n'
        f'description = "A plugin for tests."\ntriggers = {json.dumps(list(triggers))}\n'
        f"exclude = {json.dumps(list(exclude))}\n\n[dependencies]\n"
        f"database_version = {json.dumps(database_version)}\npython = {json.dumps(list(python))}\n{needed}"
    )


def packed(root: str, files: Mapping[str, str | bytes]) -> bytes:
    """An archive whose members lie below ``root``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in sorted(files.items()):
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(f"{root}/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


@dataclass
class PluginRegistry:
    """A registry in a directory.

    Attributes:
        directory: Where its files are.
        asked: Paths that were asked for over HTTP.
    """

    directory: Path
    asked: list[str] = field(default_factory=list)
    _entries: list[dict[str, Any]] = field(default_factory=list)
    _artifacts_url: str | None = None

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._write()

    @property
    def url(self) -> str:
        """URL of the index."""
        return f"{self._artifacts_url or self.directory.as_uri()}/index.json"

    def publish(self, files: Mapping[str, str | bytes], **changed: Any) -> None:
        """Publish a plugin by its files, one of them its manifest; ``changed`` are fields of its entry."""
        document = tomllib.loads(str(files["manifest.toml"]))
        plugin = document["plugin"]
        name = f"{plugin['name']}-{plugin['version']}"
        data = packed(name, files)
        (self.directory / f"{name}.tar.gz").write_bytes(data)
        self._entries.append(
            {
                "name": plugin["name"],
                "version": plugin["version"],
                "published_at": "2026-04-29T18:45:12Z",
                "description": plugin["description"],
                "triggers": plugin["triggers"],
                "dependencies": document["dependencies"],
                "hash": f"sha256:{hashlib.sha256(data).hexdigest()}",
                **changed,
            }
        )
        self._write()

    @contextmanager
    def served(self) -> Iterator[None]:
        """Serve it over HTTP while this is open; ``url`` is that of the server then."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self._artifacts_url = f"http://127.0.0.1:{server.server_address[1]}"
        self._write()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.asked.append(self.path)
                file = registry.directory / self.path.lstrip("/")
                data = file.read_bytes() if file.is_file() else b""
                self.send_response(200 if file.is_file() else 404)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class names it
                """Say nothing."""

        return Handler

    def _write(self) -> None:
        index = {
            "index_schema_version": "2.1",
            "artifacts_url": self._artifacts_url or self.directory.as_uri(),
            "plugins": self._entries,
        }
        (self.directory / "index.json").write_text(json.dumps(index))
