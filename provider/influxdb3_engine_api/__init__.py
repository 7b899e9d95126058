"""The contract with InfluxDB 3's Processing engine, used by the provider and by the embedded engine.

Trigger specifications, bodies of requests and answers, the hierarchy of errors and an HTTP client. Imports neither
pulumi nor anything of the engine.
"""

from influxdb3_engine_api.client import EngineClient
from influxdb3_engine_api.errors import (
    AnswerError,
    AnswerLost,
    BadRequest,
    Conflict,
    EngineApiError,
    EngineUnreachable,
    Forbidden,
    NotFound,
    ServerError,
    TransportError,
    Unauthenticated,
    UnreadableAnswer,
)
from influxdb3_engine_api.specification import PluginType, Specification, SpecificationError
from influxdb3_engine_api.wire import CreateTrigger, DryRunResult, ErrorBehavior, TriggerSettings

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
