"""How long the engine keeps what plugins cache (contract 5.5), with a clock that the test moves."""

from __future__ import annotations

from typing import Any

import pytest

from influxdb3_embedded.runner.processes import caches
from influxdb3_embedded.runner.processes.caches import CacheNamespace
from influxdb3_embedded.runner.processes.dry_run_caches import DRY_RUN_TTL

PROCESS: Any = object()  # not used for values that can be pickled


class Clock:
    """Moves only when a test moves it."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(caches, "monotonic", clock)
    return clock


def put(cache: CacheNamespace, key: str, ttl: float | None) -> None:
    cache.answer({"op": "cache_put", "key": key, "ttl": ttl, "reason": None}, [b"pickle"], PROCESS)


def found(cache: CacheNamespace, key: str) -> bool:
    answer, _ = cache.answer({"op": "cache_get", "key": key, "version": None}, [], PROCESS)
    return bool(answer["found"])


def test_a_value_is_found_until_its_lifetime_has_passed(clock: Clock) -> None:
    cache = CacheNamespace()
    put(cache, "short", 5.0)
    put(cache, "for good", None)

    clock.now += 4.9
    assert found(cache, "short")
    clock.now += 0.1
    assert not found(cache, "short")
    clock.now += 1e9
    assert found(cache, "for good")


def test_deleting_an_expired_value_finds_nothing(clock: Clock) -> None:
    cache = CacheNamespace()
    put(cache, "a", 5.0)
    clock.now += 5.0
    assert cache.answer({"op": "cache_delete", "key": "a"}, [], PROCESS) == ({"found": False}, [])
    assert cache.is_empty()


def test_a_namespace_may_have_its_own_default_lifetime(clock: Clock) -> None:
    cache = CacheNamespace(default_ttl=DRY_RUN_TTL)
    put(cache, "default", None)
    put(cache, "longer", 1_801.0)

    clock.now += 1_800.0
    assert not found(cache, "default")
    assert found(cache, "longer")


def test_a_process_is_told_how_long_a_value_has_left(clock: Clock) -> None:
    cache = CacheNamespace()
    put(cache, "a", 5.0)
    clock.now += 2.0
    assert cache.answer({"op": "cache_get", "key": "a", "version": None}, [], PROCESS)[0]["ttl"] == pytest.approx(3.0)


def test_expired_values_are_removed_from_memory(clock: Clock) -> None:
    cache = CacheNamespace()
    for number in range(100):
        put(cache, f"{number}", 1.0)

    clock.now += 10.0
    put(cache, "new", None)

    assert len(cache._entries) == 1
