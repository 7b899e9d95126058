"""httpx without its command line, which would load rich and pygments if they are installed; saves 0.1 s."""

from __future__ import annotations

import sys

# None makes the import of the command line fail, as if rich were missing; httpx expects that
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
import httpx  # noqa: E402

if sys.modules["httpx._main"] is None:
    del sys.modules["httpx._main"]

__all__ = ["httpx"]
