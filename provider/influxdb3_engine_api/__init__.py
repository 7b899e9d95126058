"""The contract with InfluxDB 3's Processing engine, used by the provider and by the embedded engine.

Trigger specifications, bodies of requests and answers, the hierarchy of errors and an HTTP client. Imports neither
pulumi nor anything of the engine.

``CONTRACT.md`` beside this file describes how the API really behaves. "Contract 7.1" in a docstring or a comment is
section 7.1 of that file.
"""

from __future__ import annotations

import importlib
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

if TYPE_CHECKING:
    from influxdb3_engine_api.client import EngineClient
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


_ON_DEMAND = {
    "EngineClient": "client",  # an engine, which has no use for httpx, starts sooner without
    "CreateTrigger": "wire",  # a program, which has no use for pydantic, too
    "DryRunResult": "wire",
    "ErrorBehavior": "wire",
    "TriggerSettings": "wire",
}


def __getattr__(name: str) -> Any:
    """Import what loads a library when it is asked for."""
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_ON_DEMAND[name]}"), name)
