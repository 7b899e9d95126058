"""Python packages of the plugin environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
from pulumi.dynamic import Resource

from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._sources import one_of, read_file
from pulumi_influxdb3_engine.logic.package_set import PackageSetLogic

if TYPE_CHECKING:
    from collections.abc import Sequence


class PackageSetProvider(EngineProvider):
    """Dynamic provider of package sets."""

    logic = PackageSetLogic()


class PackageSet(Resource, module="influxdb3", name="PackageSet"):
    """Packages in the virtual environment that plugins run in.

    Args:
        resource_name: The resource's name in the program.
        packages: Requirement specifiers such as ``"psutil>=5.9"``; or
        requirements: a requirements file: a ``pathlib.Path``, or its text.
        opts: Options of the resource.

    The server answers 200 even where pip failed, so every installation is verified by a dry run in its virtual
    environment; what is missing or of the wrong version is named in the error. Packages are not uninstalled: the API
    cannot, and destroying says so.
    """

    packages: pulumi.Output[list[str] | None]
    requirements: pulumi.Output[str | None]
    installed: pulumi.Output[dict[str, str]]
    """Normalised distribution name to the version that is installed."""

    def __init__(
        self,
        resource_name: str,
        *,
        packages: Sequence[pulumi.Input[str]] | None = None,
        requirements: pulumi.Input[str] | Path | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        where = f"PackageSet {resource_name!r}"
        one_of(where, packages=packages, requirements=requirements)
        properties = {
            "packages": None if packages is None else list(packages),
            "requirements": read_file(where, requirements, of="requirements")
            if isinstance(requirements, Path)
            else requirements,
            "installed": None,
        }
        super().__init__(PackageSetProvider(), resource_name, properties, opts)
