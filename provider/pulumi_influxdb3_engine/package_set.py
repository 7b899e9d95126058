"""Python packages of the plugin environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pulumi.dynamic import Resource

from pulumi_influxdb3_engine._arguments import as_properties, given, listed, makes_way, source_text
from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._sources import one_of, read_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi


class PackageSetProvider(EngineProvider):
    """Dynamic provider of package sets."""

    logic = "package_set:PackageSetLogic"


class PackageSet(Resource, module="influxdb3", name="PackageSet"):
    """Packages in the virtual environment that plugins run in.

    Args:
        resource_name: The resource's name in the program.
        packages: Requirement specifiers such as ``"psutil>=5.9"``, ``"NAME[EXTRA]==1.2; MARKER"`` or ``"NAME @ URL"``,
            and wheels by URL or by absolute path on the server; or
        requirements: a requirements file: a ``pathlib.Path``, or its text. Hashes and options are pip's own business.
            The text is written to a file on the server, where it stays unless ``delete_on_destroy`` is set:
            credentials of a package index belong in the configuration of the server's pip.
        reinstall: Any value; a change of it installs everything again, in the newest versions that are asked for.
        delete_on_destroy: Uninstall the packages on destroy, and those that are named no longer on update, unless
            another package set of the program asks for them. The API has no way to, so a dry run of a small plugin of
            this package does it; what they depend on stays. The requirements file is removed as soon as pip has ended.
            By default all stay, which is said.
        opts: Options of the resource.

    The server answers 200 even where pip failed, so every installation is verified by a dry run in its virtual
    environment; what is missing or of the wrong version is named in the error. That takes the version of a wheel
    from its file name; what ``NAME @ URL`` installs from a sdist or a repository, and lines of a requirements file
    that name neither a distribution nor a wheel, cannot be verified, which is said. Where a gateway gives up before
    pip has ended, the packages are waited for while a pip runs there, at most as long as
    ``influxdb3:packageTimeout`` says. An engine has one environment: two package sets of a program that rule each
    other out are refused during preview, and an installation that breaks another set's packages is taken back. On a
    cluster every host in ``influxdb3:pluginHosts`` gets the packages, too: all of them, or none.
    """

    if TYPE_CHECKING:  # at run time the SDK would evaluate the annotations anew for every resource
        packages: pulumi.Output[list[str] | None]
        requirements: pulumi.Output[str | None]
        installed: pulumi.Output[dict[str, str]]
        """Normalised distribution name to the version that is installed."""

    def __init__(
        self,
        resource_name: str,
        *,
        packages: Sequence[pulumi.Input[str]] | pulumi.Output[Sequence[str]] | None = None,
        requirements: pulumi.Input[str] | os.PathLike[str] | None = None,
        reinstall: pulumi.Input[str | int | float | bool] | None = None,
        delete_on_destroy: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        where = f"PackageSet {resource_name!r}"
        one_of(where, packages=packages, requirements=requirements)
        properties = {
            "packages": listed(where, "packages", packages),
            "requirements": read_file(where, requirements, of="requirements")
            if isinstance(requirements, os.PathLike)
            else source_text(where, "requirements", requirements),
            "set_name": resource_name,
            "installed": None,
        } | given(
            reinstall=reinstall,
            delete_on_destroy=delete_on_destroy or None,
        )
        properties = as_properties("PackageSet", resource_name, properties)
        super().__init__(PackageSetProvider(), resource_name, properties, makes_way(opts))
