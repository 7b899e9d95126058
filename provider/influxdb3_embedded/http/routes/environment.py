"""Operations on the virtual environment of the plugins (contract 1.8 and 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from influxdb3_embedded.errors import ApiError, InstallRefused
from influxdb3_embedded.runner import InstallFailed, PluginFileError
from influxdb3_embedded.settings import PackageManager

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.engine import EmbeddedEngine
    from influxdb3_engine_api.wire import InstallPackages, InstallRequirements


async def install_packages(engine: EmbeddedEngine, _request: Request, body: InstallPackages) -> Response:
    """Run `pip install` with the given requirement specifiers or options of pip."""
    _check_enabled(engine)
    return await _install(engine, body.packages)


async def install_requirements(engine: EmbeddedEngine, _request: Request, body: InstallRequirements) -> Response:
    """Run `pip install` with a requirements file in the plugin directory or at an HTTP URL."""
    _check_enabled(engine)
    location = body.requirements_location
    if not location.lower().startswith(("http://", "https://")):
        try:
            location = str(engine.plugins.requirements(location))
        except PluginFileError as error:
            raise InstallRefused(error.text) from None
    return await _install(engine, ["-r", location])


def _check_enabled(engine: EmbeddedEngine) -> None:
    if engine.settings.package_manager is PackageManager.DISABLED:
        raise ApiError(403, "Package installation has been disabled. Contact your administrator for more information.")
    if engine.plugins.root is None:
        raise InstallRefused("Plugin environment management is disabled")


async def _install(engine: EmbeddedEngine, arguments: list[str]) -> Response:
    if any("\0" in argument for argument in arguments):
        raise InstallRefused("an argument contains a NUL character")
    try:
        await engine.environment.install(arguments)
    except InstallFailed as error:
        raise InstallRefused(error.text) from None
    return Response()
