"""The ``influxdb3-embedded`` command."""

import sys
from importlib.util import find_spec

from influxdb3_embedded.cli.main import app

for _module in ("uvicorn", "datafusion", "pyarrow"):
    if find_spec(_module) is None:
        sys.exit(
            f"influxdb3-embedded: the Python module {_module!r} is missing. Install the embedded engine:\n"
            "  pip install 'pulumi-influxdb3-engine[embedded]'"
        )

__all__ = ["app"]
