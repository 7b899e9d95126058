"""Python packages of the plugin environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import pulumi

from pulumi_influxdb3_engine._arguments import listed, source_text
from pulumi_influxdb3_engine._deprecated import deleted_on_destroy
from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._resource import EngineResource, ResourceArgs, arguments, given, makes_way
from pulumi_influxdb3_engine._sources import one_of, read_file

if TYPE_CHECKING:
    from influxdb3_engine_resources.packages.package_set import PackageSetLogic


class PackageSetProvider(EngineProvider):
    """Dynamic provider of package sets."""

    def _logic(self) -> PackageSetLogic:
        """What a package set does."""
        from influxdb3_engine_resources.packages.package_set import PackageSetLogic  # noqa: PLC0415 - see _dynamic

        return PackageSetLogic()


@dataclass(kw_only=True)
class PackageSetArgs(ResourceArgs):
    """The arguments of a ``PackageSet`` as one value; ``PackageSet`` describes them."""

    packages: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    requirements: pulumi.Input[str] | os.PathLike[str] | None = None
    reinstall: pulumi.Input[str | int | float | bool] | None = None
    retain: pulumi.Input[bool] | None = None
    delete_on_destroy: pulumi.Input[bool] | None = None


class PackageSet(EngineResource, module="influxdb3", name="PackageSet"):
    """Packages in the virtual environment that plugins run in.

    Args:
        resource_name: The resource's name in the program.
        args: All the following as one ``PackageSetArgs``, instead of by keyword.
        packages: Requirement specifiers such as ``"psutil>=5.9"``, ``"NAME[EXTRA]==1.2; MARKER"`` or ``"NAME @ URL"``,
            and wheels by URL or by absolute path on the server; or
        requirements: a requirements file: a ``pathlib.Path``, or its text. Hashes and options are pip's own business.
            The text is written to a file on the server, where it stays unless ``retain=False``: credentials of a
            package index belong in the configuration of the server's pip.
        reinstall: Any value; a change of it installs everything again, in the newest versions that are asked for.
        retain: Whether the packages stay on destroy, and on update those that are named no longer; default: True, and
            a warning says so. With ``retain=False`` a dry run of a small plugin of this package uninstalls them, since
            the API has no way to. What another package set of the program asks for stays, and so does what they
            depend on. The requirements file is removed as soon as pip has ended.
        delete_on_destroy: Deprecated: ``delete_on_destroy=True`` is ``retain=False``.
        opts: Options of the resource.

    The server answers 200 even where pip failed, so every installation is verified by a dry run in its virtual
    environment; what is missing or of the wrong version is named in the error. That takes the version of a wheel
    from its file name. What ``NAME @ URL`` installs from a sdist or a repository, and lines of a requirements file
    that name neither a distribution nor a wheel, cannot be verified; a warning says so. If a gateway gives up before
    pip has ended, the deployment waits for the packages while a pip runs there, at most as long as
    ``influxdb3:packageTimeout`` says. An engine has one environment: two package sets of a program that rule each
    other out are refused during preview, and an installation that breaks another set's packages is taken back. On a
    cluster every host in ``influxdb3:pluginHosts`` gets the packages, too: all of them, or none.
    """

    @overload
    def __init__(
        self, resource_name: str, args: PackageSetArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self,
        resource_name: str,
        *,
        packages: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
        requirements: pulumi.Input[str] | os.PathLike[str] | None = None,
        reinstall: pulumi.Input[str | int | float | bool] | None = None,
        retain: pulumi.Input[bool] | None = None,
        delete_on_destroy: pulumi.Input[bool] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: PackageSetArgs | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **by_keyword: Any,
    ) -> None:
        args = arguments(PackageSetArgs, resource_name, args, by_keyword)
        where = f"PackageSet {resource_name!r}"
        one_of(where, packages=args.packages, requirements=args.requirements)
        properties = {
            "packages": listed(where, "packages", args.packages),
            "requirements": read_file(where, args.requirements, of="requirements")
            if isinstance(args.requirements, os.PathLike)
            else source_text(where, "requirements", args.requirements),
            "set_name": resource_name,
            "installed": None,
        } | given(
            reinstall=args.reinstall,
            delete_on_destroy=deleted_on_destroy(where, args.retain, args.delete_on_destroy),
        )
        super().__init__(PackageSetProvider(), resource_name, properties, makes_way(opts))

    @property
    def packages(self) -> pulumi.Output[list[str] | None]:
        """The requirement specifiers; None if ``requirements`` is set."""
        return self._output("packages")

    @property
    def requirements(self) -> pulumi.Output[str | None]:
        """The text of the requirements file; None if ``packages`` is set."""
        return self._output("requirements")

    @property
    def reinstall(self) -> pulumi.Output[str | float | bool | None]:
        """The value whose change installs everything again."""
        return self._output("reinstall")

    @property
    def retain(self) -> pulumi.Output[bool]:
        """Whether the packages stay on destroy."""
        return self._retained()

    @property
    def installed(self) -> pulumi.Output[dict[str, str]]:
        """Normalised distribution name to the version that is installed."""
        return self._output("installed")
