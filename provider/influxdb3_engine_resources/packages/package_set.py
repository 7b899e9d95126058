"""The logic of package sets: install on every host, then verify."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_resources.errors import Failure, InvalidInputs, ProbeFailed
from influxdb3_engine_resources.inputs import Inputs
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.packages.installation import find_unmet, install, remove_requirements, uninstall
from influxdb3_engine_resources.packages.pip_run import Order, requirements_path
from influxdb3_engine_resources.packages.requirements import (
    distribution,
    names_version,
    parse_locations,
    parse_package,
    parse_requirements,
)
from influxdb3_engine_resources.resource import Created, Difference, Live, ResourceLogic
from influxdb3_engine_resources.server.host import refuse_where_locked

if TYPE_CHECKING:
    from collections.abc import Hashable

    from packaging.requirements import Requirement

    from influxdb3_engine_resources.inputs import Properties
    from influxdb3_engine_resources.program import Program
    from influxdb3_engine_resources.server.engine import Engine

_ONLY_FOR_US = frozenset({"set_name"})


def _package(text: str) -> str:
    parse_package(text)
    return text


def _packages(packages: list[str]) -> list[str]:
    if not packages:
        raise ValueError("the list is empty: name at least one package")
    return packages


def _requirements(text: str) -> str:
    if re.fullmatch(r"\S+\.(txt|in)", text.strip()):
        raise ValueError("this is the name of a file: to pass its text, write requirements=pathlib.Path(NAME)")
    parse_requirements(text)
    if not any(line.partition("#")[0].strip() for line in text.splitlines()):
        raise ValueError("the text names no package: name at least one")
    return text


class PackageSetInputs(Inputs):
    """Packages as a program declares them: a list of specifiers, or the text of a requirements file."""

    derived: ClassVar[frozenset[str]] = frozenset({"hosts"})
    flags: ClassVar[frozenset[str]] = frozenset({"delete_on_destroy"})

    packages: Annotated[list[Annotated[str, AfterValidator(_package)]], AfterValidator(_packages)] | None = None
    requirements: Annotated[str, AfterValidator(_requirements)] | None = None
    reinstall: Any = None
    delete_on_destroy: bool = False
    hosts: list[str] | None = None
    set_name: str = ""
    """Name of the set in messages about other sets."""

    @property
    def source(self) -> str:
        """The property that names the packages."""
        return "packages" if self.packages is not None else "requirements"

    @property
    def parsed(self) -> list[tuple[str, Requirement]]:
        """The requirements, with their texts."""
        if self.packages is not None:
            return [(text, parse_package(text)) for text in self.packages]
        text = self.requirements or ""
        return [(str(each), each) for each in (*parse_requirements(text), *parse_locations(text)[0])]

    @property
    def asked(self) -> list[Requirement]:
        """The requirements."""
        return [requirement for _text, requirement in self.parsed]

    @property
    def unverifiable(self) -> list[str]:
        """Names of requirements, or lines, that do not name the version or the distribution that they install."""
        named = [requirement.name for _text, requirement in self.parsed if not names_version(requirement)]
        return named + [f"line {number} of the requirements" for number in parse_locations(self.requirements or "")[1]]

    @property
    def distributions(self) -> set[str]:
        """Normalised names of the required distributions."""
        return set(map(distribution, self.asked))


class PackageSetLogic(ResourceLogic[PackageSetInputs]):
    """Packages of the plugin environment (contract section 9)."""

    inputs_type = PackageSetInputs

    def identity(self, inputs: PackageSetInputs) -> Hashable:
        """The name of the set in the program, since a server has one environment for all sets."""
        return ("packages", inputs.set_name)

    def check(self, inputs: PackageSetInputs, program: Program) -> PackageSetInputs:
        """Refuse both or neither of the two properties, and contradictions with other sets of the program."""
        if (inputs.packages is None) == (inputs.requirements is None):
            raise InvalidInputs([Failure(property="packages", reason="set one of packages and requirements, not both")])
        if inputs.known("packages", "requirements"):
            contradictions = program.packages.declare(inputs.set_name, inputs.asked)
            if contradictions:
                raise InvalidInputs([Failure(property=inputs.source, reason=reason) for reason in contradictions])
        return inputs.model_copy(update={"hosts": program.configuration.further_urls})

    def check_online(self, inputs: PackageSetInputs, state: PackageSetInputs | None, engine: Engine) -> None:
        """Refuse packages if a host installs none."""
        if state is not None and not self.diff(state, inputs).changes:
            return
        if state is None and inputs.known("packages", "requirements") and self._found_installed(inputs, engine):
            return
        refuse_where_locked(engine.hosts, inputs.source, lambda facts: facts.refuses_packages())

    def diff(self, state: PackageSetInputs, inputs: PackageSetInputs) -> Difference:
        """Every change is an update; the order of packages does not matter."""
        changed = state.changed(inputs, _ONLY_FOR_US)
        if inputs.known("packages", "requirements") and _sorted(state) == _sorted(inputs):
            changed -= {"packages", "requirements"}
        # a forced replacement uninstalls first: later, it would uninstall what it has just installed
        return Difference(bool(changed), delete_before_replace=True)

    def create(self, inputs: PackageSetInputs, engine: Engine) -> Created:
        """Install, then verify by a dry run in the server's virtual environment."""
        installed = self._found_installed(inputs, engine) or self._install(inputs, engine)
        engine.claimed |= inputs.distributions
        names = ",".join(sorted(installed))
        return Created(hashlib.sha256(names.encode()).hexdigest()[:16], {"installed": installed})

    def read(self, state: PackageSetInputs, outputs: Properties, engine: Engine) -> Live[PackageSetInputs] | None:
        """Read what is installed. A package that is missing on a host, or has another version, is drift."""
        by_host = []
        for host in engine.hosts:
            try:
                by_host.append(find_unmet(host, state.asked))
            except ProbeFailed as error:
                host.notice_once(f"whether packages have changed is unknown, so they are taken as unchanged: {error}")
                return Live(state, outputs)
        first_installed = by_host[0][0]
        if not any(lacking for _installed, lacking in by_host):
            return Live(state, {"installed": first_installed})
        if not any(installed for installed, _lacking in by_host):
            return None
        wrong = {distribution(each) for _installed, lacking in by_host for each in lacking}
        # leaves out packages of which the hosts have different versions: the state must not match one host only
        versions = {name: {installed.get(name) for installed, _lacking in by_host} for name in sorted(wrong)}
        found = [f"{name}=={of.pop()}" for name, of in versions.items() if len(of) == 1 and None not in of]
        now = [text for text, requirement in state.parsed if distribution(requirement) not in wrong] + found
        update = {"packages": now} if state.packages is not None else {"requirements": "\n".join(now)}
        return Live(state.model_copy(update=update), {"installed": first_installed})

    def update(self, state: PackageSetInputs, inputs: PackageSetInputs, engine: Engine) -> Properties:
        """Install what is declared, everything again if ``reinstall`` has changed; drop what is no longer declared."""
        installed = self._install(inputs, engine, state)
        dropped = state.distributions - inputs.distributions
        if dropped:
            self._drop(dropped, inputs, engine)
        return {"installed": installed}

    def delete(self, state: PackageSetInputs, engine: Engine) -> None:
        """Uninstall if ``retain`` is False; otherwise the packages stay, with a notice."""
        engine.helper_files.leave(*([] if state.requirements is None else [requirements_path(state.requirements)]))
        if state.delete_on_destroy and state.requirements is not None:
            remove_requirements(engine.hosts, state.requirements)
        self._drop(state.distributions, state, engine)

    def make_way(self, state: PackageSetInputs, successor: PackageSetInputs, engine: Engine) -> None:
        """Uninstall only what the successor does not need, so that no plugin lacks a package in between."""
        if state.delete_on_destroy and state.requirements not in {None, successor.requirements}:
            remove_requirements(engine.hosts, str(state.requirements))
        dropped = state.distributions - successor.distributions
        if dropped:
            self._drop(dropped, state, engine)

    def _found_installed(self, inputs: PackageSetInputs, engine: Engine) -> dict[str, str] | None:
        """Versions on the first host if the stack adopts and no host lacks a package; else None."""
        if not engine.adopts(inputs) or inputs.unverifiable or self.identity(inputs) in engine.replaced:
            return None
        try:
            by_host = [find_unmet(host, inputs.asked) for host in engine.hosts]
        except (EngineApiError, ProbeFailed):  # the installation says why
            return None
        return None if any(lacking for _installed, lacking in by_host) else by_host[0][0]

    def _install(
        self, inputs: PackageSetInputs, engine: Engine, state: PackageSetInputs | None = None
    ) -> dict[str, str]:
        texts = [inputs.requirements, state.requirements if state is not None else None]
        order = Order(
            packages=inputs.packages,
            requirements_file=inputs.requirements,
            requirements=inputs.asked,
            unverifiable=inputs.unverifiable,
            reinstall=self.identity(inputs) in engine.replaced
            or (state is not None and state.reinstall != inputs.reinstall),
            others=engine.program.packages.others(inputs.set_name, inputs.asked),
            discarded=[text for text in texts if text is not None] if inputs.delete_on_destroy else (),
        )
        installed = install(engine.hosts, order)
        if order.unverifiable:
            notice(
                f"whether pip installed {', '.join(order.unverifiable)} is unknown: the server reports success even if "
                "pip fails, and only the file name of a wheel names a version"
            )
        return installed

    def _drop(self, names: set[str], inputs: PackageSetInputs, engine: Engine) -> None:
        if not inputs.delete_on_destroy:
            notice(
                f"{', '.join(sorted(names))} stay installed, since the server's API cannot uninstall packages; "
                "retain=False uninstalls them on destroy"
            )
            return
        others = engine.program.packages.others(inputs.set_name, inputs.asked)
        shared = names & ({distribution(other.requirement) for other in others} | engine.claimed)
        if shared:
            notice(f"{', '.join(sorted(shared))} stay installed: another PackageSet of this program needs them")
        if names - shared:
            uninstall(engine.hosts, names - shared)


def _sorted(inputs: PackageSetInputs) -> Any:
    return (inputs.packages and sorted(inputs.packages), inputs.requirements)
