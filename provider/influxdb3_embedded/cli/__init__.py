"""The ``influxdb3-embedded`` command."""

import sys

try:
    from influxdb3_embedded.cli.main import app
except ModuleNotFoundError as error:
    if str(error.name).startswith("influxdb3_"):
        raise
    sys.exit(
        f"influxdb3-embedded: the Python module {error.name!r} is missing. Install the embedded engine:\n"
        "  pip install 'pulumi-influxdb3-engine[embedded]'"
    )

__all__ = ["app"]
