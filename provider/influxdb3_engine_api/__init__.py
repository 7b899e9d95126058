"""The contract with InfluxDB 3's Processing engine, used by the provider and by the embedded engine.

Trigger specifications, bodies of requests and answers, the hierarchy of errors and an HTTP client. Imports neither
pulumi nor anything of the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from influxdb3_engine_api.errors import (
    AnswerError,
    AnswerLost,
    BadRequest,
    Conflict,
    EngineApiError,
    EngineUnreachable,
    Forbidden,
    NoSuchOperation,
    NotFound,
    ServerError,
    TransportError,
    Unauthenticated,
    UnreadableAnswer,
)
from influxdb3_engine_api.specification import PluginType, Specification, SpecificationError
from influxdb3_engine_api.wire import CreateTrigger, DryRunResult, ErrorBehavior, TriggerSettings

if TYPE_CHECKING:
    from influxdb3_engine_api.client import EngineClient

__all__ = [
    "AnswerError",
    "AnswerLost",
    "BadRequest",
    "Conflict",
    "CreateTrigger",
    "DryRunResult",
    "EngineApiError",
    "EngineClient",
    "EngineUnreachable",
    "ErrorBehavior",
    "Forbidden",
    "NoSuchOperation",
    "NotFound",
    "PluginType",
    "ServerError",
    "Specification",
    "SpecificationError",
    "TransportError",
    "TriggerSettings",
    "Unauthenticated",
    "UnreadableAnswer",
]


def __getattr__(name: str) -> Any:
    """Import the client when it is asked for: an engine, which has no use for httpx, starts sooner without."""
    if name != "EngineClient":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from influxdb3_engine_api.client import EngineClient  # noqa: PLC0415 - see above

    return EngineClient
