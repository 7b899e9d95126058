"""The logic of package sets: installed, then verified, since the server answers 200 to a pip that failed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator

from influxdb3_engine_api import AnswerLost, EngineApiError, Forbidden
from pulumi_influxdb3_engine.logic.inputs import Failure, Inputs, InvalidInputs
from pulumi_influxdb3_engine.logic.notices import notice
from pulumi_influxdb3_engine.logic.probe import ProbeFailed, probe
from pulumi_influxdb3_engine.logic.requirements import (
    distribution,
    parse_package,
    parse_requirements,
    unmet,
    wanted,
)
from pulumi_influxdb3_engine.logic.resource import Created, Difference, Live, ResourceError, ResourceLogic
from pulumi_influxdb3_engine.logic.retry import repeated

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from pulumi_influxdb3_engine.logic.configuration import Configuration, Engine
    from pulumi_influxdb3_engine.logic.resource import Properties


def _package(text: str) -> str:
    parse_package(text)
    return text


def _packages(packages: list[str]) -> list[str]:
    if not packages:
        raise ValueError("the list is empty: name at least one package")
    return packages


def _requirements(text: str) -> str:
    parse_requirements(text)
    return text


class PackageSetInputs(Inputs):
    """Packages as a program declares them: a list of specifiers, or the text of a requirements file."""

    packages: Annotated[list[Annotated[str, AfterValidator(_package)]], AfterValidator(_packages)] | None = None
    requirements: Annotated[str, AfterValidator(_requirements)] | None = None


class PackageSetLogic(ResourceLogic[PackageSetInputs]):
    """Packages of the plugin environment (contract section 9)."""

    inputs_type = PackageSetInputs

    def check(self, inputs: PackageSetInputs, configuration: Configuration) -> PackageSetInputs:
        """Exactly one of the two ways to name packages."""
        del configuration
        if (inputs.packages is None) == (inputs.requirements is None):
            raise InvalidInputs([Failure(property="packages", reason="set exactly one of packages and requirements")])
        return inputs

    def diff(self, state: PackageSetInputs, inputs: PackageSetInputs) -> Difference:
        """A change installs what is named now; the order of packages says nothing."""
        if inputs.known("packages", "requirements") and _sorted(state) == _sorted(inputs):
            return Difference(changes=False)
        return Difference(bool(state.changed(inputs)))

    def create(self, inputs: PackageSetInputs, engine: Engine) -> Created:
        """Install, then verify by a dry run in the server's virtual environment."""
        outputs = self._install(inputs, engine)
        names = ",".join(sorted(outputs["installed"]))
        return Created(hashlib.sha256(names.encode()).hexdigest()[:16], outputs)

    def read(self, state: PackageSetInputs, outputs: Properties, engine: Engine) -> Live[PackageSetInputs] | None:
        """What is installed now; a package that is missing or of another version shows as a changed input."""
        requirements = _parsed(state)
        try:
            installed, missing = _verify(requirements, engine)
        except ProbeFailed as error:
            notice(f"packages are taken as unchanged: {error}")
            return Live(state, outputs)
        if not missing:
            return Live(state, {"installed": installed})
        if not installed:
            return None
        met = [str(requirement) for requirement in requirements if requirement not in missing]
        wrong = [f"{name}=={version}" for name, version in installed.items() if name in map(distribution, missing)]
        if state.packages is not None:
            return Live(state.model_copy(update={"packages": met + wrong}), {"installed": installed})
        return Live(state.model_copy(update={"requirements": "\n".join(met + wrong)}), {"installed": installed})

    def update(self, state: PackageSetInputs, inputs: PackageSetInputs, engine: Engine) -> Properties:
        """Install what is named now; what is named no longer stays installed, since the API cannot uninstall."""
        outputs = self._install(inputs, engine)
        dropped = {distribution(r) for r in _parsed(state)} - {distribution(r) for r in _parsed(inputs)}
        if dropped:
            notice(f"{', '.join(sorted(dropped))} stay installed: the server's API has no way to uninstall packages")
        return outputs

    def delete(self, state: PackageSetInputs, engine: Engine) -> None:
        """The API cannot uninstall: say so."""
        del engine
        names = ", ".join(sorted({distribution(requirement) for requirement in _parsed(state)}))
        notice(f"{names} stay installed: the server's API has no way to uninstall packages")

    def _install(self, inputs: PackageSetInputs, engine: Engine) -> Properties:
        failure = None
        try:
            if inputs.packages is not None:
                engine.client.install_packages(inputs.packages)
            else:
                self._install_requirements(inputs.requirements or "", engine)
        except Forbidden as error:
            remedy = (
                "The operator has switched installation off (--package-manager disabled): "
                "install the packages with the server, or have it switched on"
                if "disabled" in error.text
                else "It needs an admin token: set influxdb3:authToken to one"
            )
            raise ResourceError(f"packages were not installed: {error}. {remedy}") from error
        except AnswerLost as error:
            failure = error  # pip may have ended well: look
        except EngineApiError as error:
            raise ResourceError(f"packages were not installed: {error}") from error
        try:
            installed, missing = _verify(_parsed(inputs), engine)
        except (ProbeFailed, EngineApiError) as error:
            raise ResourceError(f"pip ran, but what it installed could not be verified: {failure or error}") from error
        if missing:
            problems = "; ".join(filter(None, (unmet(requirement, installed) for requirement in missing)))
            because = f" ({failure})" if failure else ""
            raise ResourceError(
                f"the server ran pip, which did not install all packages{because}: {problems}. "
                "Why is in the server's own output; check that the versions exist for its Python and that it reaches "
                "a package index"
            )
        return {"installed": installed}

    def _install_requirements(self, text: str, engine: Engine) -> None:
        """Upload the file and name it by its absolute path: a relative one means the server's working directory."""
        name = f".pulumi/requirements_{hashlib.sha256(text.encode()).hexdigest()[:12]}.txt"
        repeated(lambda: engine.client.create_plugin_file(name, text))
        try:
            directory = probe(engine.client).plugin_directory
        except ProbeFailed as error:
            raise ResourceError(f"requirements were not installed: {error}") from error
        if directory is None:
            raise ResourceError(
                "requirements were not installed: the server does not tell where its plugin directory is. "
                "Set INFLUXDB3_PLUGIN_DIR in its environment, or use packages instead of requirements"
            )
        engine.client.install_requirements(f"{directory}/{name}")


def _parsed(inputs: PackageSetInputs) -> list[Requirement]:
    if inputs.packages is not None:
        return [parse_package(text) for text in inputs.packages]
    return parse_requirements(inputs.requirements or "")


def _sorted(inputs: PackageSetInputs) -> Any:
    return (inputs.packages and sorted(inputs.packages), inputs.requirements)


def _verify(requirements: list[Requirement], engine: Engine) -> tuple[dict[str, str], list[Requirement]]:
    """Versions by normalised name, and the requirements that are not met."""
    report = probe(engine.client, distributions=sorted({distribution(requirement) for requirement in requirements}))
    asked = wanted(requirements, report.environment)
    missing = [requirement for requirement in asked if unmet(requirement, report.distributions)]
    installed = {name: version for name, version in report.distributions.items() if version is not None}
    return installed, missing
