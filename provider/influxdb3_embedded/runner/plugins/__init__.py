"""Plugins and what they need: files, sources, the virtual environment."""
