"""Fixtures of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from influxdb3_embedded.testing import RunningEngine, start_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES = """\
cpu,host=a,region=eu usage=0.5,count=1i,size=2u,up=true,note="one" 1700000000000000001
cpu,host=b usage=1.5 1700000000000000002
cpu,host=c usage=2.5 1700000000000000003
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine without tokens, with three rows in table cpu of database d."""
    with start_engine(
        tmp_path_factory.mktemp("engine"), object_store="memory", query_timeout=20, exec_mem_pool_bytes="200mb"
    ) as running:
        running.client.write_lp("d", LINES)
        yield running
