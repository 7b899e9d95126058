"""Settings of property tests."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no deadline", deadline=None)  # examples may be slow on a busy machine
settings.load_profile("no deadline")
