from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from started_storage import OpenStorage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def open_storage() -> Iterator[Callable[..., OpenStorage]]:
    opened: list[OpenStorage] = []

    def open_one(directory: Path | None = None, **options: Any) -> OpenStorage:
        opened.append(OpenStorage(directory, **options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def storage(open_storage: Callable[..., OpenStorage]) -> OpenStorage:
    return open_storage(None)
