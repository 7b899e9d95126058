"""httpx without its command line, which would load rich and pygments where they are installed: 0.1 s."""

from __future__ import annotations

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # what makes the import fail, as httpx expects
import httpx  # noqa: E402

if sys.modules["httpx._main"] is None:
    del sys.modules["httpx._main"]

__all__ = ["httpx"]
