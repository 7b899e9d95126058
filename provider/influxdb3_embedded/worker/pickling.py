"""Cached values as bytes, on their way from one process to another."""

from __future__ import annotations

import importlib
import importlib.util
import io
import pickle
import sys
from pathlib import Path
from typing import Any

_BY_VALUE = "_influxdb3_cloudpickle"
"""The name that cloudpickle has here, so that a plugin that imports cloudpickle gets its own."""


def to_bytes(value: Any) -> bytes:
    """Pickle a value.

    A function or class that no other process can import, as those of a plugin in a single file, goes with it.

    Raises:
        Exception: The value cannot be pickled; any object can refuse in its own way.
    """
    try:
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001 - as above
        cloudpickle = importlib.import_module(_BY_VALUE)

        class Pickler(cloudpickle.Pickler):  # type: ignore[name-defined, misc]
            def reducer_override(self, obj: Any) -> Any:
                if isinstance(obj, io.TextIOWrapper):  # cloudpickle would read the file and pickle its text
                    raise TypeError("cannot pickle an open file")
                return super().reducer_override(obj)

        data = io.BytesIO()
        Pickler(data).dump(value)
        return data.getvalue()


def from_bytes(data: bytes) -> Any:
    """Unpickle what `to_bytes` returned.

    Raises:
        Exception: It cannot be made here: a module is missing, or a class refuses.
    """
    return pickle.loads(data)  # noqa: S301 - pickled by a plugin of this engine, which runs with the same rights


class _Finder:
    """Finds cloudpickle where the server has it; loaded when first needed, in about 20 ms."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> Any:
        """Return where the module is; None for any other module."""
        if name != _BY_VALUE:
            return None
        return importlib.util.spec_from_file_location(
            name, self._directory / "__init__.py", submodule_search_locations=[str(self._directory)]
        )


def find_cloudpickle(directory: str) -> None:
    """Say where cloudpickle lies.

    Args:
        directory: The package's directory.
    """
    sys.meta_path.append(_Finder(Path(directory)))
