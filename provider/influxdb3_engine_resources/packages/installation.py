"""Installing packages on every host, or on none."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_resources.errors import ProbeFailed, ResourceError, SweepFailed
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.packages.pip_run import (
    NotInstalled,
    Order,
    probe_requirements,
    requirements_path,
    run_pip,
    run_pip_uninstall,
)
from influxdb3_engine_resources.packages.requirements import distribution
from influxdb3_engine_resources.packages.verification import shortcoming, shortcomings
from influxdb3_engine_resources.server.remedies import with_remedy

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from influxdb3_engine_resources.server.host import Host
    from influxdb3_engine_resources.server.probe import ProbeReport


def install(hosts: Collection[Host], order: Order) -> dict[str, str]:
    """Install on all hosts or on none: one request and one dry run for each host.

    Needs one more dry run for each host if there are several hosts or package sets, or to reinstall.

    Returns:
        Normalised distribution name to the version on the first host.

    Raises:
        ResourceError: A host failed; says which one, what is missing there, and what was put back.
    """
    with _exclusive(hosts):
        return _install_on_all(hosts, order)


def find_unmet(host: Host, requirements: Sequence[Requirement]) -> tuple[dict[str, str], list[Requirement]]:
    """Installed versions of some requirements, and the requirements that are not met: one dry run.

    Raises:
        ProbeFailed: The server runs no dry runs.
        EngineApiError: The server could not be asked.
    """
    report = probe_requirements(host, requirements)
    return _found(requirements, report), [each for each, _text in shortcomings(requirements, report)]


def uninstall(hosts: Collection[Host], distributions: Collection[str]) -> None:
    """Uninstall from all hosts; packages that are not installed are a success.

    Raises:
        ResourceError: The packages were not uninstalled.
    """
    with _exclusive(hosts):
        for host in hosts:
            try:
                run_pip_uninstall(host, distributions)
            except (EngineApiError, NotInstalled, ProbeFailed, SweepFailed) as error:
                names = ", ".join(sorted(distributions))
                raise ResourceError(f"{names} were not uninstalled from {host.url}: {with_remedy(error)}") from error


def remove_requirements(hosts: Collection[Host], text: str) -> None:
    """Remove a requirements file from all hosts; a file that is gone already is a success.

    Raises:
        ResourceError: The file was not removed.
    """
    with _exclusive(hosts):
        for host in hosts:
            try:
                host.remove_files([requirements_path(text)])
            except (EngineApiError, ProbeFailed, SweepFailed) as error:
                raise ResourceError(
                    f"{requirements_path(text)} was not removed from {host.url}: {with_remedy(error)}"
                ) from error


@contextmanager
def _exclusive(hosts: Collection[Host]) -> Iterator[None]:
    """Keep the rest of this process from installing or uninstalling on these hosts.

    An order compares packages before and after. So nothing else may install until the order is done or rolled back.
    """
    with ExitStack() as held:
        for host in sorted(hosts, key=lambda host: host.url):  # always the same order, so that there is no deadlock
            held.enter_context(host.installing)
        yield


def _install_on_all(hosts: Collection[Host], order: Order) -> dict[str, str]:
    # what was there before is needed to roll back, to find broken package sets, and to verify a reinstallation
    careful = len(hosts) > 1 or bool(order.others) or order.reinstall
    before: dict[Host, ProbeReport] = {}
    installed: dict[Host, dict[str, str]] = {}
    for host in hosts:
        try:
            if careful:
                before[host] = order.probe(host)
            try:
                report = run_pip(host, order, before.get(host))
            finally:
                _discard(host, order)
            _refuse_breaking_others(order, before.get(host), report)
            installed[host] = _found(order.requirements, report)
        except (EngineApiError, ProbeFailed, NotInstalled) as error:
            reason = with_remedy(error)
            outcome = _put_back(before, order) if careful else ""
            where = f" on {host.url}" if len(hosts) > 1 else ""
            raise ResourceError(f"packages were not installed{where}: {reason}{outcome}") from error
    return next(iter(installed.values()))


def _discard(host: Host, order: Order) -> None:
    """Remove requirements files that are not kept; a failure is a notice, since the packages are installed."""
    if not order.discarded:
        return
    paths = sorted({requirements_path(text) for text in order.discarded})
    try:
        host.remove_files(paths)
    except (EngineApiError, ProbeFailed, SweepFailed) as error:
        notice(f"{', '.join(paths)} stays on {host.url} until the PackageSet is destroyed: {with_remedy(error)}")


def _refuse_breaking_others(order: Order, before: ProbeReport | None, report: ProbeReport) -> None:
    for other in order.others:
        problem = shortcoming(other.requirement, report)
        if problem and before is not None and not shortcoming(other.requirement, before):
            raise NotInstalled(
                f"PackageSet {other.set_name!r} needs {other.requirement.name}{other.requirement.specifier}: "
                f"{problem} then. Declare both in one PackageSet, so that pip finds versions for both"
            )


def _found(requirements: Sequence[Requirement], report: ProbeReport) -> dict[str, str]:
    versions = {name: report.distributions.get(name) for name in sorted({distribution(each) for each in requirements})}
    return {name: version for name, version in versions.items() if version is not None}


def _put_back(before: Mapping[Host, ProbeReport], order: Order) -> str:
    """Give the hosts the versions that they had; returns a sentence about the outcome."""
    failures = []
    for host, report in before.items():
        try:
            now = order.probe(host).distributions
            changed = {name: was for name, was in report.distributions.items() if was != now.get(name)}
            if pins := [f"{name}=={version}" for name, version in changed.items() if version is not None]:
                run_pip(host, Order(pins, None, [Requirement(pin) for pin in pins]), None)
            if new := [name for name, version in changed.items() if version is None]:
                run_pip_uninstall(host, new)
        except (EngineApiError, ProbeFailed, NotInstalled, SweepFailed, InvalidRequirement) as error:
            failures.append(f"{host.url}: {with_remedy(error)}")
    if failures:
        return f". The versions from before could not be put back everywhere: {'; '.join(failures)}"
    return ". The versions from before were put back"
