"""What can go wrong with a resource, besides the errors of the API client.

::

    ResourceError       an operation failed; the message says what is live now and what to do
    └── NothingLive     neither the old definition of a trigger nor the new one is live
    InvalidInputs       inputs cannot work; each failure names its property
    ProbeFailed         the server's Python could not be asked
    └── DryRunsOff      the server runs no dry runs: its operator has locked it, or it has no plugins
    SweepFailed         a file was not deleted, or a package not uninstalled
"""

from __future__ import annotations

from pydantic import BaseModel


class ResourceError(Exception):
    """An operation failed; the message says what is live now and what to do."""


class NothingLive(ResourceError):
    """Neither the old definition of a trigger nor the new one is live."""


class Failure(BaseModel):
    """Why an input cannot work: the path of the property (``trigger_arguments.threshold``) and the reason."""

    property: str
    reason: str


class InvalidInputs(Exception):
    """Inputs that cannot work.

    Attributes:
        failures: One entry for each property at fault.
    """

    def __init__(self, failures: list[Failure]) -> None:
        self.failures = failures
        super().__init__("; ".join(f"{failure.property}: {failure.reason}" for failure in failures))


class ProbeFailed(Exception):
    """The probe could not run on the server; the text says why and what an operator can do."""


class DryRunsOff(ProbeFailed):
    """The server does not run the probe: its operator has locked it, or it has no plugins."""


class SweepFailed(Exception):
    """Something was not deleted or uninstalled; the text says what and why."""
