"""What each resource does, without Pulumi: typed inputs, and check, diff, create, read, update, delete over a client.

Nothing here imports pulumi: ``_dynamic`` adapts these classes to dynamic providers, and a native provider plugin can be
a second adapter.
"""
