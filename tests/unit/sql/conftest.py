from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sql_engine import SqlEngineUnderTest, engine_in_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


@pytest.fixture
def engine() -> Iterator[SqlEngineUnderTest]:
    with engine_in_memory() as engine:
        yield engine


@pytest.fixture(scope="session")
def fresh_engine() -> Callable[..., AbstractContextManager[SqlEngineUnderTest]]:
    """Makes engines with other settings than those of `engine`, or several of them."""
    return engine_in_memory
