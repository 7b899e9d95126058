"""Sizes of memory in flags."""

from __future__ import annotations

import pytest

from influxdb3_embedded.memory_size import format_size, memory_size, total_memory


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("5", 5 * 2**20),
        (" 5 mb", 5 * 2**20),
        ("5Mb", 5 * 2**20),
        ("512kb", 512 * 2**10),
        ("2GB", 2 * 2**30),
        ("1024b", 1024),
        ("0%", 0),
        ("100%", total_memory()),
        ("50%", total_memory() // 2),
        ("99999999999999999999gb", 2**63 - 1),
    ],
)
def test_a_size_is_read_as_the_real_server_reads_it(text: str, size: int) -> None:
    assert memory_size(text) == size


@pytest.mark.parametrize("text", ["", "-1", "foo", "1.5gb", "5tb", "-1%", "%", "101%"])
def test_an_invalid_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"memory size"):
        memory_size(text)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KB"), (2**20, "1.0 MB"), (3 * 2**30, "3.0 GB")]
)
def test_a_size_is_formatted_for_people(size: int, text: str) -> None:
    assert format_size(size) == text
