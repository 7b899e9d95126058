"""Queries over Arrow Flight and Flight SQL (contract 7.3), as InfluxDB's own clients send them.

A gRPC server on a private Unix socket answers the calls. It starts with the first connection. The HTTP server hands
HTTP/2 connections over to it.
"""

from __future__ import annotations

from influxdb3_embedded.flight.gateway import FlightGateway

__all__ = ["FlightGateway"]
