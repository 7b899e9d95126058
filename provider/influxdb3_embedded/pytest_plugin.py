"""The pytest plugin of this distribution: fixture ``influxdb3_engine``, for tests of plugins.

pytest loads this module in every project that has the distribution installed, so it imports nothing of the engine
until a test asks for one.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_embedded.plugin_tests import PluginTestEngine


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting ``influxdb3_plugin_env``."""
    parser.addini("influxdb3_plugin_env", "names of environment variables that plugins get", type="args", default=[])


@pytest.fixture
def influxdb3_engine(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[PluginTestEngine]:
    """A fresh InfluxDB 3 Processing engine in memory, on a free port, with the database ``test``."""
    if find_spec("datafusion") is None:
        pytest.fail("the embedded engine is not installed: pip install 'pulumi-influxdb3-engine[embedded]'")
    from influxdb3_embedded.plugin_tests import fresh_engine  # noqa: PLC0415 - see the module's docstring

    names: list[str] = pytestconfig.getini("influxdb3_plugin_env")
    with fresh_engine(tmp_path_factory.mktemp("influxdb3_engine"), plugin_env=names) as engine:
        yield engine
