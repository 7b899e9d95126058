"""Operations on plugin files (contract 1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from influxdb3_embedded.errors import PluginFileRefused
from influxdb3_embedded.runner import PluginFileError

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.engine import EmbeddedEngine
    from influxdb3_engine_api.wire import CreatePluginFile, UpdatePluginDirectory, UpdatePluginFile


async def create_file(engine: EmbeddedEngine, _request: Request, body: CreatePluginFile) -> Response:
    """Write a file in the plugin directory."""
    try:
        await engine.plugins.write_file(body.plugin_name, body.content)
    except PluginFileError as error:
        raise PluginFileRefused(error.text) from None
    return Response()


async def update_file(engine: EmbeddedEngine, _request: Request, body: UpdatePluginFile) -> Response:
    """Replace the plugin file of a trigger."""
    try:
        await engine.plugins.replace_file(_filename(engine, body.plugin_name), body.content)
    except PluginFileError as error:
        raise PluginFileRefused(error.text) from None
    return Response()


async def update_directory(engine: EmbeddedEngine, _request: Request, body: UpdatePluginDirectory) -> Response:
    """Replace the plugin directory of a trigger."""
    contents = [(file.relative_path, file.content) for file in body.files]
    try:
        await engine.plugins.replace_directory(_filename(engine, body.plugin_name), contents)
    except PluginFileError as error:
        raise PluginFileRefused(error.text) from None
    return Response()


def _filename(engine: EmbeddedEngine, trigger_name: str) -> str:
    filename = engine.triggers.plugin_filename_of(trigger_name)
    if filename is None:
        # 500 for an error of the client, as in the published API
        raise PluginFileRefused(f"Plugin not found: {trigger_name}", status=500)
    return filename
