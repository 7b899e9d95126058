"""The HTTP API of InfluxDB 3's Processing engine, for the provider and for the embedded engine.

It holds trigger specifications, bodies of requests and answers, errors and an HTTP client. It imports neither pulumi
nor the embedded engine.

``CONTRACT.md`` beside this file describes how a real server behaves. "Contract 7.1" in a docstring or a comment is
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
    "EngineClient": "client",  # loads httpx, which the embedded engine does not need
    "CreateTrigger": "wire",  # loads pydantic, which a Pulumi program does not need
    "DryRunResult": "wire",
    "ErrorBehavior": "wire",
    "TriggerSettings": "wire",
}


def __getattr__(name: str) -> Any:
    """Import a name of ``_ON_DEMAND`` on its first use."""
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_ON_DEMAND[name]}"), name)
