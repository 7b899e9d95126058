"""Talking to one server: its facts, its system tables, retries, and our own plugins that run on it."""
