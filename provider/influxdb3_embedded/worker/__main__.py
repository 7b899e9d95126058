"""Entry point under the plugins' interpreter: ``python -I .../worker/__main__.py MODULE ARGUMENT...``.

``zygote CONTROL_SOCKET_DESCRIPTOR CLOUDPICKLE UMASK`` forks workers, ``installer LOCK_DESCRIPTOR UMASK`` runs pip.

This package is loaded by its path and not through ``sys.path``, so that plugins cannot import the engine's modules.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

_PACKAGE = "_influxdb3_worker"


def _load_package() -> None:
    directory = Path(__file__).resolve().parent
    specification = importlib.util.spec_from_file_location(
        _PACKAGE, directory / "__init__.py", submodule_search_locations=[str(directory)]
    )
    assert specification is not None
    assert specification.loader is not None
    sys.modules[_PACKAGE] = package = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(package)


if __name__ == "__main__":
    _load_package()
    module = importlib.import_module(f"{_PACKAGE}.{sys.argv[1]}")
    module.main(*sys.argv[2:])
