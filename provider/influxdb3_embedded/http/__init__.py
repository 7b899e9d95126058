"""The HTTP API of the embedded engine."""
