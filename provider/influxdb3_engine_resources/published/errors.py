"""What can be wrong with a published plugin."""

from __future__ import annotations


class PublishedError(ValueError):
    """A registry, an archive, a manifest or a version cannot be used; the text says where, why and what to do."""
