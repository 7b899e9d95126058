"""Errors of resources, besides those of the API client.

::

    ResourceError       an operation failed; says what is live now and what to do
    └── NothingLive     neither the old definition of a trigger nor the new one is live
    InvalidInputs       invalid inputs; each failure names its property
    ProbeFailed         the probe did not run on the server
    └── DryRunsOff      the server runs no dry runs: its operator has locked it, or it has no plugins
    SweepFailed         a file was not deleted, or a package was not uninstalled
"""

from __future__ import annotations

from pydantic import BaseModel


class ResourceError(Exception):
    """An operation failed; the text says what is live now and what to do."""


class NothingLive(ResourceError):
    """Neither the old definition of a trigger nor the new one is live."""


class Failure(BaseModel):
    """Why an input is invalid: the path of the property (``trigger_arguments.threshold``) and the reason."""

    property: str
    reason: str


class InvalidInputs(Exception):
    """Invalid inputs.

    Attributes:
        failures: One for each invalid property.
    """

    def __init__(self, failures: list[Failure]) -> None:
        self.failures = failures
        super().__init__("; ".join(f"{failure.property}: {failure.reason}" for failure in failures))


class ProbeFailed(Exception):
    """The probe did not run on the server; the text says why and what an operator can do."""


class DryRunsOff(ProbeFailed):
    """The server runs no dry runs: its operator has locked it, or it has no plugins."""


class SweepFailed(Exception):
    """A file was not deleted, or a package was not uninstalled; the text says which and why."""
