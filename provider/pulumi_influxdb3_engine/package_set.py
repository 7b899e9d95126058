"""The resource ``PackageSet``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import pulumi

from pulumi_influxdb3_engine._arguments import as_list, source_text
from pulumi_influxdb3_engine._deprecated import deleted_on_destroy
from pulumi_influxdb3_engine._dynamic import EngineProvider
from pulumi_influxdb3_engine._resource import EngineResource, ResourceArgs, arguments, deleting_first, without_none
from pulumi_influxdb3_engine._sources import read_file, require_exactly_one

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
    """Python packages in the virtual environment that the server's plugins run in.

    Args:
        resource_name: The resource's name in the program.
        args: All the following as one ``PackageSetArgs``, instead of by keyword.
        packages: Requirement specifiers such as ``"psutil>=5.9"``, ``"NAME[EXTRA]==1.2; MARKER"`` or ``"NAME @ URL"``,
            and wheels by URL or by absolute path on the server. Set either ``packages`` or ``requirements``.
        requirements: A requirements file: a ``pathlib.Path``, or its text. The server stores the text in a file, so
            that credentials of a package index belong in the configuration of the server's pip.
        reinstall: Any value; a change of it installs the newest allowed versions again. Default: not set.
        retain: Whether the packages and the requirements file stay on destroy, and whether packages that an update no
            longer names stay; default: True, and a warning says so. With False they are uninstalled, except for
            packages that another package set of the program needs.
        delete_on_destroy: Deprecated: ``delete_on_destroy=True`` is ``retain=False``.
        engine: Name of the server in ``influxdb3:engines``; default: the stack's default server. Another name replaces
            the resource: it is created on the new server, then deleted on the old one.
        opts: Options of the resource.

    Raises:
        TypeError: An argument is unknown, or passed both in ``args`` and by keyword.
        SourceError: An argument or the stack's configuration is invalid, or a file cannot be read.

    - **Verification.** A real server answers 200 even if pip failed. A dry run therefore reads the installed versions,
      and the error names what is missing. A warning names what cannot be verified: a source distribution or a
      repository as URL, and lines of a requirements file without a name.
    - **Time.** If a gateway gives up before pip has ended, the deployment waits for pip, at most for
      ``influxdb3:packageTimeout`` (default: 600 seconds).
    - **Conflicts.** A server has one environment. Package sets that contradict each other fail in the preview. An
      installation that breaks another set's packages is rolled back.
    - **Clusters.** All hosts in ``influxdb3:pluginHosts`` get the packages, or none.
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
        engine: pulumi.Input[str] | None = None,
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
        require_exactly_one(where, packages=args.packages, requirements=args.requirements)
        properties = {
            "packages": as_list(where, "packages", args.packages),
            "requirements": read_file(where, args.requirements, of="requirements")
            if isinstance(args.requirements, os.PathLike)
            else source_text(where, "requirements", args.requirements),
            "set_name": resource_name,
            "installed": None,
        } | without_none(
            engine=args.engine,
            reinstall=args.reinstall,
            delete_on_destroy=deleted_on_destroy(where, args.retain, args.delete_on_destroy),
        )
        super().__init__(PackageSetProvider(), resource_name, properties, deleting_first(opts))

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
        """The installed versions, by normalised name of the distribution."""
        return self._output("installed")
