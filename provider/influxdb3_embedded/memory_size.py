"""Sizes of memory in flags, as the real server reads them (influxdb3_clap_blocks/src/memory_size.rs)."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_SIZE = re.compile(r"\s*(\d+)\s*(%|[kmg]?b|)\s*", re.ASCII | re.IGNORECASE)
_UNITS = {"b": 1, "kb": 2**10, "mb": 2**20, "": 2**20, "gb": 2**30}
# Control groups of both versions: what a container may take.
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory_size(text: str) -> int:
    """Bytes of a size.

    Args:
        text: Megabytes, such as ``512``; with a unit, such as ``2gb`` (``b``, ``kb``, ``mb``, ``gb``, powers of 1024);
            or a share of the machine's or the container's memory, such as ``20%``.

    Raises:
        ValueError: Not one of these forms.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        msg = f"failed to parse '{text}' as a memory size: expected megabytes, or such as 512mb, 2gb or 20%"
        raise ValueError(msg)
    number, unit = int(match[1]), match[2].lower()
    if unit != "%":
        return min(number * _UNITS[unit], sys.maxsize)
    if number > 100:
        msg = f"relative memory size must be in [0, 100] but is {number}"
        raise ValueError(msg)
    return total_memory() * number // 100


def total_memory() -> int:
    """Bytes of memory that this process can have: of its container or of the machine."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in _LIMITS:
        try:
            sizes.append(int(limit.read_text()))
        except (OSError, ValueError):  # another version of control groups, or no limit
            continue
    return min(sizes)


def readable(size: int) -> str:
    """A size for people, such as ``1.5 GB``."""
    for unit, factor in (("GB", 2**30), ("MB", 2**20), ("KB", 2**10)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"
