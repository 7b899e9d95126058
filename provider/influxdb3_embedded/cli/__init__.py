"""The ``influxdb3-embedded`` command."""

from influxdb3_embedded.cli.main import app

__all__ = ["app"]
