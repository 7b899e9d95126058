"""Removing plugin files that a program no longer declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_resources.errors import ProbeFailed, ResourceError, SweepFailed
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.server.remedies import with_remedy

if TYPE_CHECKING:
    from collections.abc import Collection

    from influxdb3_engine_resources.server.engine import Engine


def remove_files(engine: Engine, label: str, paths: Collection[str]) -> list[str]:
    """Remove files and directories that no trigger runs and no resource of the program declares.

    Needs two requests for each host, and four the first time in a process.

    Args:
        engine: The server.
        label: The resource that the files belong to.
        paths: Paths below the plugin directory; those that are gone already are a success.

    Returns:
        The paths that stay, since a trigger runs them (contract 7.2). A notice names the trigger.

    Raises:
        ResourceError: The files were not removed.
    """
    kept: set[str] = set()
    paths = [path for path in paths if path not in engine.program.files]
    for host in engine.hosts:
        try:
            users = host.plugin_table.users(paths)
            for path, names in users.items():
                notice(f"{path} of {label} stays on {host.url}: trigger {shown(', '.join(names))} runs it")
            if unused := [path for path in paths if path not in users]:
                host.remove_files(unused)
        except (EngineApiError, ProbeFailed, SweepFailed) as error:
            raise ResourceError(f"{label} was not removed from {host.url}: {with_remedy(error)}") from error
        kept |= users.keys()
    return sorted(kept)


def remove_files_later(engine: Engine, label: str, paths: Collection[str]) -> None:
    """As ``remove_files``, for files of a replaced resource: Pulumi changes the triggers that run them later.

    Raises:
        ResourceError: The files were not removed.
    """
    engine.superseded |= dict.fromkeys(remove_files(engine, label, paths), label)


def remove_superseded(engine: Engine, plugin_filename: str) -> None:
    """Remove what a trigger ran until now, if the resource that wrote it was replaced in this deployment.

    A failure is a notice, since the trigger itself was changed.
    """
    if label := engine.superseded.get(plugin_filename):
        try:
            if not remove_files(engine, label, [plugin_filename]):
                del engine.superseded[plugin_filename]
        except ResourceError as error:
            notice(str(error))
