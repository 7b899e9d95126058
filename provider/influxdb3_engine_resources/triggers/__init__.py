"""Triggers: definitions, swaps, first runs, request paths."""
