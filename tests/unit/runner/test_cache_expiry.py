"""How long the engine keeps what plugins cache (contract 5.5), with a clock of the test's own."""

from __future__ import annotations

import pytest

from influxdb3_embedded.runner import caches
from influxdb3_embedded.runner.caches import CacheNamespace


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


def test_a_value_is_there_until_its_time_has_passed(clock: Clock) -> None:
    cache = CacheNamespace()
    cache.put("short", b"1", 5.0)
    cache.put("for good", b"2", None)

    clock.now += 4.9
    assert cache.get("short") == b"1"
    assert [(key, value) for key, _, value in cache.entries()] == [("short", b"1"), ("for good", b"2")]
    clock.now += 0.1
    assert cache.entries() == [("for good", None, b"2")]
    assert cache.get("short") is None
    assert cache.delete("short") is False
    clock.now += 1e9
    assert cache.get("for good") == b"2"


def test_a_value_that_has_expired_is_not_there_to_be_deleted(clock: Clock) -> None:
    cache = CacheNamespace()
    cache.put("a", b"1", 5.0)
    clock.now += 5.0
    assert cache.delete("a") is False


def test_a_namespace_may_have_a_time_of_its_own(clock: Clock) -> None:
    cache = CacheNamespace(default_ttl=caches.DRY_RUN_TTL)
    cache.put("default", b"1", None)
    cache.put("longer", b"2", 1_801.0)

    clock.now += 1_800.0
    assert cache.get("default") is None
    assert cache.get("longer") == b"2"


def test_values_keep_the_time_that_they_have_left_when_they_are_handed_over(clock: Clock) -> None:
    first, second = CacheNamespace(), CacheNamespace()
    first.put("a", b"1", 5.0)
    clock.now += 2.0
    second.replace(first.entries())

    clock.now += 2.9
    assert second.get("a") == b"1"
    clock.now += 0.1
    assert second.get("a") is None


def test_expired_values_that_nobody_asks_for_take_no_memory(clock: Clock) -> None:
    cache = CacheNamespace()
    for number in range(100):
        cache.put(f"{number}", b"", 1.0)

    clock.now += 10.0
    cache.put("new", b"1", None)

    assert len(cache._entries) == 1
