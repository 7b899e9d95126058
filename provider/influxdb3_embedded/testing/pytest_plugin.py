"""The pytest plugin of this distribution: the fixture ``influxdb3_engine``, for tests of plugins.

pytest loads this module in every project that has the distribution installed. So it imports nothing of the engine until
a test uses the fixture.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_embedded.testing.plugin_tests import PluginTestEngine


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers", "influxdb3_engine(**flags): flags of the engine, such as allow_origin=['http://localhost:3000']"
    )


@pytest.fixture
def influxdb3_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PluginTestEngine]:
    """A fresh InfluxDB 3 Processing engine in memory, on a free port, with the database ``test``.

    ``@pytest.mark.influxdb3_engine(allow_origin=["http://localhost:3000"])`` starts it with flags of
    ``influxdb3-embedded serve``.
    """
    if find_spec("datafusion") is None:
        pytest.fail("The embedded engine is not installed. Run: pip install 'pulumi-influxdb3-engine[embedded]'")
    from influxdb3_embedded.testing.plugin_tests import fresh_engine  # noqa: PLC0415 - see the module's docstring

    marker = request.node.get_closest_marker("influxdb3_engine")
    flags = marker.kwargs if marker else {}
    with fresh_engine(tmp_path_factory.mktemp("influxdb3_engine"), **flags) as engine:
        yield engine
