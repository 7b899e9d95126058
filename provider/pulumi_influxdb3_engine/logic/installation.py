"""Installing packages on every host, and finding out what that came to: a real server answers 200 to a failed pip."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from influxdb3_engine_api import AnswerLost, EngineApiError
from pulumi_influxdb3_engine.logic.lock_down import explained
from pulumi_influxdb3_engine.logic.probe import ProbeFailed
from pulumi_influxdb3_engine.logic.requirements import distribution, unmet, wanted
from pulumi_influxdb3_engine.logic.resource import ResourceError
from pulumi_influxdb3_engine.logic.server_plugins import DIRECTORY
from pulumi_influxdb3_engine.logic.sweeper import SweepFailed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from packaging.requirements import Requirement

    from pulumi_influxdb3_engine.logic.declared_packages import Declared
    from pulumi_influxdb3_engine.logic.host import Host

Versions = dict[str, str | None]
"""Normalised distribution name to version, ``None`` where it is not installed."""


class NotInstalled(Exception):
    """A host lacks what it was to install; the text says what and why."""


@dataclass(frozen=True)
class Order:
    """What is to be installed.

    Attributes:
        packages: Entries for pip; or
        requirements_file: the text of a requirements file.
        requirements: What has to be met afterwards.
        reinstall: Whether pip installs even what is met already.
        others: What other package sets of the program ask for, which has to stay met.
    """

    packages: Sequence[str] | None
    requirements_file: str | None
    requirements: Sequence[Requirement]
    reinstall: bool
    others: Sequence[Declared]

    @property
    def distributions(self) -> set[str]:
        """Names of all that it is about."""
        return {distribution(each) for each in (*self.requirements, *(other.requirement for other in self.others))}


def install(hosts: Collection[Host], order: Order) -> dict[str, str]:
    """Install on all hosts or on none: one request and one dry run each, one dry run more where others are affected.

    Returns:
        Normalised distribution name to the version that is installed on the first host.

    Raises:
        ResourceError: A host failed; says which, what is missing there, and what was put back.
    """
    with _alone(hosts):
        return _on_all(hosts, order)


@contextmanager
def _alone(hosts: Collection[Host]) -> Iterator[None]:
    """While it is open, nothing else of this process installs or uninstalls on any of the hosts.

    An order has all hosts until it is done or taken back: what others install meanwhile would look like its doing.
    """
    with ExitStack() as held:
        for host in sorted(hosts, key=lambda host: host.url):  # in one order, so that two never wait for each other
            held.enter_context(host.installing)
        yield


def _on_all(hosts: Collection[Host], order: Order) -> dict[str, str]:
    # what was there before is only needed to put it back, or to tell whose package was changed
    careful = len(hosts) > 1 or bool(order.others)
    before: dict[Host, Versions] = {}
    installed: dict[Host, dict[str, str]] = {}
    for host in hosts:
        try:
            before[host] = _versions(host, order) if careful else {}
            installed[host] = _installed(host, order, before[host])
        except (EngineApiError, ProbeFailed, NotInstalled) as error:
            reason = explained(error) if isinstance(error, EngineApiError) else str(error)
            outcome = _put_back(before, order) if careful else ""
            where = f" on {host.url}" if len(hosts) > 1 else ""
            raise ResourceError(f"packages were not installed{where}: {reason}{outcome}") from error
    return next(iter(installed.values()))


def missing(host: Host, requirements: Sequence[Requirement]) -> tuple[dict[str, str], list[Requirement]]:
    """The versions that a host has of some requirements, and those that are not met: one dry run.

    Raises:
        ProbeFailed: The server does not run dry runs.
        EngineApiError: It could not be asked.
    """
    report = host.probe.ask(distributions={distribution(each) for each in requirements})
    asked = wanted(requirements, report.environment)
    found = {name: version for name, version in report.distributions.items() if version is not None}
    return found, [each for each in asked if unmet(each, report.distributions)]


def uninstall(hosts: Collection[Host], distributions: Collection[str]) -> None:
    """Uninstall from all hosts; what is not installed is no failure.

    Raises:
        ResourceError: They were not uninstalled.
    """
    with _alone(hosts):
        for host in hosts:
            try:
                host.sweeper.uninstall(distributions)
            except (EngineApiError, ProbeFailed, SweepFailed) as error:
                names = ", ".join(sorted(distributions))
                raise ResourceError(f"{names} were not uninstalled from {host.url}: {error}") from error


def _versions(host: Host, order: Order) -> Versions:
    return host.probe.ask(distributions=order.distributions).distributions


def _installed(host: Host, order: Order, before: Versions) -> dict[str, str]:
    lost: AnswerLost | None = None
    try:
        _run_pip(host, order)
    except AnswerLost as error:
        lost = error  # pip may have ended well: look
    try:
        report = host.probe.ask(distributions=order.distributions)
    except (ProbeFailed, EngineApiError) as error:
        raise NotInstalled(f"pip ran, but what it installed could not be verified: {lost or error}") from error
    problems = [
        text for each in wanted(order.requirements, report.environment) if (text := unmet(each, report.distributions))
    ]
    if problems:
        because = f" ({lost})" if lost else ""
        raise NotInstalled(
            f"the server ran pip, which did not install all packages{because}: {'; '.join(problems)}. "
            "Why is in the server's own output; check that the versions exist for its Python and that it reaches "
            "a package index"
        )
    for other in order.others:
        problem = unmet(other.requirement, report.distributions)
        if problem and not unmet(other.requirement, before):
            raise NotInstalled(
                f"that breaks PackageSet {other.set_name!r}, which asks for "
                f"{other.requirement.name}{other.requirement.specifier}: {problem}. "
                "Declare both in one PackageSet, so that pip finds versions that get along"
            )
    own = {distribution(each) for each in order.requirements}
    return {name: version for name, version in report.distributions.items() if version is not None and name in own}


def _run_pip(host: Host, order: Order) -> None:
    options = ["--force-reinstall"] if order.reinstall else []
    if order.packages is not None:
        host.client.install_packages([*options, *order.packages])
        return
    # a relative path would be resolved against the server's working directory (contract section 9)
    text = order.requirements_file or ""
    name = f"{DIRECTORY}/requirements_{hashlib.sha256(text.encode()).hexdigest()[:12]}.txt"
    host.write_file(name, text)
    location = f"{host.probe.plugin_directory}/{name}"
    if options:
        host.client.install_packages([*options, "-r", location])
    else:
        host.client.install_requirements(location)


def _put_back(before: Mapping[Host, Versions], order: Order) -> str:
    """Give the hosts the versions that they had; says what that came to."""
    failures = []
    for host, versions in before.items():
        try:
            now = _versions(host, order)
            changed = {name: version for name, version in versions.items() if version != now[name]}
            if pins := [f"{name}=={version}" for name, version in changed.items() if version is not None]:
                host.client.install_packages(pins)
            if new := [name for name, version in changed.items() if version is None]:
                host.sweeper.uninstall(new)
        except (EngineApiError, ProbeFailed, SweepFailed) as error:
            failures.append(f"{host.url}: {error}")
    if failures:
        return f". The versions from before could not be put back everywhere: {'; '.join(failures)}"
    return ". The versions from before were put back"
