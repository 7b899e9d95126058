"""Reads what a server has and writes it as a Pulumi program. Never loads pulumi."""
