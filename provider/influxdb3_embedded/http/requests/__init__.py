"""Reads requests: query strings and bodies, into models."""
