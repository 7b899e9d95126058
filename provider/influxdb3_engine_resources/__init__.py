"""What each resource does: typed inputs, and check, diff, create, read, update and delete.

Nothing here imports pulumi. ``pulumi_influxdb3_engine._adapter`` turns these classes into dynamic providers.
"""
