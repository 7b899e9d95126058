"""One run of pip on one host, then its verification: a real server answers 200 even if pip failed."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING

from influxdb3_engine_api import AnswerError, EngineApiError, EngineUnreachable
from influxdb3_engine_resources.errors import ProbeFailed
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.packages.requirements import distribution
from influxdb3_engine_resources.packages.verification import not_reinstalled, shortcomings
from influxdb3_engine_resources.server.on_server import DIRECTORY
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.server.retry import is_transient

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from packaging.requirements import Requirement

    from influxdb3_engine_resources.packages.declared import DeclaredRequirement
    from influxdb3_engine_resources.server.host import Host
    from influxdb3_engine_resources.server.probe import ProbeReport

_PAUSES = (0.5, 1.0, 2.0, 5.0)
"""Seconds between looks at a pip whose answer was lost; the last pause repeats."""
_IDLE_LOOKS = 4
"""Looks in a row, within 3.5 seconds, that find no pip until waiting ends: a gateway may forward a request late."""


class NotInstalled(Exception):
    """A host did not install or uninstall packages; the text says which and why."""


@dataclass(frozen=True)
class Order:
    """What to install.

    Attributes:
        packages: Entries for pip; None if there is a requirements file.
        requirements_file: The text of a requirements file, or None.
        requirements: Requirements that must be met afterwards.
        unverifiable: Requirements that no dry run can verify; a text for each.
        reinstall: Whether pip installs again what is met already.
        others: Requirements of other package sets of the program; they must stay met.
        discarded: Texts of requirements files to remove from the hosts afterwards.
    """

    packages: Sequence[str] | None
    requirements_file: str | None
    requirements: Sequence[Requirement]
    unverifiable: Sequence[str] = ()
    reinstall: bool = False
    others: Sequence[DeclaredRequirement] = ()
    discarded: Sequence[str] = ()

    def probe(self, host: Host) -> ProbeReport:
        """What a host has of all these requirements: one dry run.

        Raises:
            ProbeFailed: The server runs no dry runs.
            EngineApiError: The server could not be asked.
        """
        return probe_requirements(host, [*self.requirements, *(other.requirement for other in self.others)])


def probe_requirements(host: Host, requirements: Sequence[Requirement]) -> ProbeReport:
    """What a host has of some requirements; raises as ``Order.probe``."""
    return host.probe.ask(
        distributions={distribution(each) for each in requirements},
        extras_of={distribution(each) for each in requirements if each.extras},
    )


def requirements_path(text: str) -> str:
    """Path of a requirements file below the plugin directory."""
    return f"{DIRECTORY}/requirements_{hashlib.sha256(text.encode()).hexdigest()[:12]}.txt"


def run_pip(host: Host, order: Order, before: ProbeReport | None) -> ProbeReport:
    """Install on a host, then verify: one request and one dry run.

    pip goes on if a gateway gives up or a connection breaks. Then this function probes the host until the order is met
    or ``package_timeout`` is over.

    Args:
        host: The host.
        order: What to install.
        before: What the host had; needed only to reinstall.

    Raises:
        NotInstalled: pip ran, and the order is not met.
        ProbeFailed: The server runs no dry runs.
        EngineApiError: The server refuses to run pip, or could not be asked.
    """
    send = _request(host, order)
    deadline = time.monotonic() + host.client.package_timeout
    try:
        send()
    except EngineApiError as error:
        if not _may_run(error):
            raise

        def look() -> tuple[ProbeReport, list[str]]:
            report = order.probe(host)
            problems = _problems(order, before, report)
            if report.pip_is_running is not False:  # pip may not have installed these yet
                problems += [f"{each} cannot be verified" for each in order.unverifiable]
            return report, problems

        return _wait_for_pip(host, error, deadline, look, "install")
    try:
        report = order.probe(host)
    except (ProbeFailed, EngineApiError) as error:
        raise NotInstalled(f"pip ran, but what it installed could not be verified: {with_remedy(error)}") from error
    if problems := _problems(order, before, report):
        raise NotInstalled(
            f"pip ran and did not install all packages: {'; '.join(problems)}. Read why in the server's own output; "
            "check that the versions exist for its Python and that it reaches a package index"
        )
    return report


def run_pip_uninstall(host: Host, distributions: Collection[str]) -> None:
    """Uninstall from a host: one request. Waits as ``run_pip`` does; packages that are not installed are a success.

    Raises:
        NotInstalled: The answer was lost, and packages are still installed.
        SweepFailed: pip failed.
        ProbeFailed: The server runs no dry runs.
        EngineApiError: The server could not be asked.
    """
    deadline = time.monotonic() + host.client.package_timeout
    try:
        host.sweeper.uninstall(distributions)
    except EngineApiError as error:
        if not _may_run(error):
            raise

        def look() -> tuple[ProbeReport, list[str]]:
            report = host.probe.ask(distributions=distributions)
            return report, [f"{name} is still installed" for name, version in report.distributions.items() if version]

        _wait_for_pip(host, error, deadline, look, "uninstall")


def _may_run(error: EngineApiError) -> bool:
    """Whether pip may be running after a failed request."""
    if isinstance(error, AnswerError) and error.status == 429:
        return False
    return is_transient(error) and not isinstance(error, EngineUnreachable)


def _wait_for_pip(
    host: Host, lost: EngineApiError, deadline: float, look: Callable[[], tuple[ProbeReport, list[str]]], verb: str
) -> ProbeReport:
    """Probe a host until no problem is left; raises ``NotInstalled`` if pip has ended or the time is over."""
    idle = 0
    for number, pause in enumerate(chain(_PAUSES, repeat(_PAUSES[-1]))):
        try:
            report, problems = look()
        except (ProbeFailed, EngineApiError) as error:
            if not isinstance(error, EngineApiError) or not is_transient(error):
                raise NotInstalled(
                    f"pip ran, but its result could not be verified: {lost}; {with_remedy(error)}"
                ) from error
            problems = [with_remedy(error)]
        else:
            if not problems:
                return report
            idle = idle + 1 if report.pip_is_running is False else 0
            if idle == _IDLE_LOOKS:
                raise NotInstalled(
                    f"the answer was lost ({lost}), and pip is not running and did not {verb} all packages: "
                    f"{'; '.join(problems)}"
                )
        left = deadline - time.monotonic()
        if left <= 0:
            raise NotInstalled(
                f"the answer was lost ({lost}), and pip did not {verb} all packages in "
                f"{host.client.package_timeout:g} s: {'; '.join(problems)}. pip may still be running: raise "
                "influxdb3:packageTimeout"
            )
        if number == 0:
            notice(
                f"{host.url}: the answer was lost ({lost}); waiting up to {left:.0f} s for pip to end: "
                f"{'; '.join(problems)}"
            )
        time.sleep(min(pause, left))
    raise AssertionError("the pauses have no end")


def _problems(order: Order, before: ProbeReport | None, report: ProbeReport) -> list[str]:
    problems = [text for _requirement, text in shortcomings(order.requirements, report)]
    if order.reinstall and before is not None:
        problems += not_reinstalled(order.requirements, before, report)
    return problems


def _request(host: Host, order: Order) -> Callable[[], None]:
    """A function that makes the server run pip; writes the requirements file to the server first."""
    options = ["--force-reinstall"] if order.reinstall else []
    if order.packages is not None:
        return partial(host.client.install_packages, [*options, *order.packages])
    # the server resolves a relative path against its working directory (contract section 9)
    text = order.requirements_file or ""
    name = requirements_path(text)
    host.write_file(name, text)
    location = f"{host.probe.plugin_directory}/{name}"
    if options:
        return partial(host.client.install_packages, [*options, "-r", location])
    return partial(host.client.install_requirements, location)
