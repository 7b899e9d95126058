"""Pickles cached values, so that another process can load them."""

from __future__ import annotations

import importlib
import importlib.util
import io
import pickle
import sys
from pathlib import Path
from typing import Any

_BY_VALUE = "_influxdb3_cloudpickle"
"""Module name of cloudpickle here. A plugin that imports cloudpickle gets its own version."""


def to_bytes(value: Any) -> bytes:
    """Pickle a value.

    Functions and classes that other processes cannot import, such as those of a single-file plugin, are included.

    Raises:
        Exception: The value cannot be pickled; pickling may raise anything.
    """
    try:
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001 - as above
        cloudpickle = importlib.import_module(_BY_VALUE)

        class Pickler(cloudpickle.Pickler):  # type: ignore[name-defined, misc]
            def reducer_override(self, obj: Any) -> Any:
                if isinstance(obj, io.TextIOWrapper):  # cloudpickle would pickle the text of the file
                    raise TypeError("cannot pickle an open file")
                return super().reducer_override(obj)

        data = io.BytesIO()
        Pickler(data).dump(value)
        return data.getvalue()


def from_bytes(data: bytes) -> Any:
    """Unpickle a result of `to_bytes`.

    Raises:
        Exception: The value cannot be loaded: a module is missing, or a class raises an error.
    """
    return pickle.loads(data)  # noqa: S301 - a plugin of this engine, with the same rights, has pickled it


class _Finder:
    """Finds the engine's cloudpickle. It is loaded when it is first needed, which takes 20 ms."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> Any:
        """Return the location of cloudpickle; None for other modules."""
        if name != _BY_VALUE:
            return None
        return importlib.util.spec_from_file_location(
            name, self._directory / "__init__.py", submodule_search_locations=[str(self._directory)]
        )


def find_cloudpickle(directory: str) -> None:
    """Make cloudpickle importable from a package directory."""
    sys.meta_path.append(_Finder(Path(directory)))
