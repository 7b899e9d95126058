"""What a process and its descendants use. For an engine, which hides itself, only root may read this."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def process_tree(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    with suppress(FileNotFoundError, ProcessLookupError):  # it ends meanwhile
        for file in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in file.read_text().split():
                found += process_tree(int(child))
    return found


def mebibytes(pids: list[int]) -> float:
    """Memory of processes (PSS): what they share counts once."""
    kibibytes = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            kibibytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kibibytes / 1024


def descriptors(pids: list[int]) -> int:
    """Number of open descriptors of processes."""
    count = 0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            count += sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return count
