"""Whether the server's Python has the modules that a trigger's plugin imports: looked for before anything changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_engine_resources.errors import DryRunsOff, ProbeFailed, ResourceError
from influxdb3_engine_resources.triggers.inputs import label

if TYPE_CHECKING:
    from influxdb3_engine_resources.server.engine import Engine
    from influxdb3_engine_resources.triggers.inputs import TriggerInputs


def refuse_missing_modules(inputs: TriggerInputs, engine: Engine) -> None:
    """Refuse a trigger whose plugin cannot be loaded: one request a host for each new set of imports.

    Raises:
        ResourceError: A host lacks a module; names the module, the file and the line.
        EngineApiError: A host could not be asked.
    """
    if text := missing_modules(inputs, engine):
        raise ResourceError(f"{label(inputs)} was not deployed: {text}")


def missing_modules(inputs: TriggerInputs, engine: Engine) -> str | None:
    """What the hosts lack of what a trigger's plugin imports, and the remedy; None if nothing is known to be missing.

    Raises:
        EngineApiError: A host could not be asked.
    """
    source = engine.program.sources.find(inputs.plugin_filename)
    imports = {each.module: each for each in source.imports} if source else {}
    for host in engine.hosts if imports else ():
        try:
            missing = host.modules.missing(imports.keys())
        except DryRunsOff as error:
            host.notice_once(f"whether it has the modules that plugins import is unknown: {error}")
            continue
        except ProbeFailed as error:
            host.notice_once(f"whether it has the modules that plugins import was not found out: {error}")
            continue
        if missing:
            named = "; ".join(f"{name!r} ({imports[name].file}, line {imports[name].line})" for name in missing)
            packages = sorted({name.partition(".")[0] for name in missing})
            return (
                f"{inputs.plugin_filename} imports what {host.url} does not have: {named}. Install the packages that "
                f"hold it before the trigger: PackageSet(packages={packages!r}), and name that in the trigger's "
                "depends_on"
            )
    return None
