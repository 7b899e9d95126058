"""Reads memory sizes in flags as a real server does (influxdb3_clap_blocks/src/memory_size.rs)."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_SIZE = re.compile(r"\s*(\d+)\s*(%|[kmg]?b|)\s*", re.ASCII | re.IGNORECASE)
_UNITS = {"b": 1, "kb": 2**10, "mb": 2**20, "": 2**20, "gb": 2**30}
# Files with the memory limit of a container, in both versions of control groups.
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory_size(text: str) -> int:
    """Return a size in bytes.

    Args:
        text: Megabytes, such as ``512``; a number with a unit (``b``, ``kb``, ``mb``, ``gb``), such as ``2gb``; or a
            percentage of the memory of the machine or the container, such as ``20%``. Units are powers of 1024.

    Raises:
        ValueError: The text has another form.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        msg = f"failed to parse '{text}' as a memory size: expected megabytes, or a size like 512mb, 2gb or 20%"
        raise ValueError(msg)
    number, unit = int(match[1]), match[2].lower()
    if unit != "%":
        return min(number * _UNITS[unit], sys.maxsize)
    if number > 100:
        msg = f"relative memory size must be in [0, 100] but is {number}"
        raise ValueError(msg)
    return total_memory() * number // 100


def total_memory() -> int:
    """Return the memory of the container or the machine, in bytes."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in _LIMITS:
        try:
            sizes.append(int(limit.read_text()))
        except (OSError, ValueError):  # another version of control groups, or no limit
            continue
    return min(sizes)


def format_size(size: int) -> str:
    """Return a size for people, such as ``1.5 GB``."""
    for unit, factor in (("GB", 2**30), ("MB", 2**20), ("KB", 2**10)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"
