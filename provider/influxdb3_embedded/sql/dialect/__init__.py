"""Rewrites InfluxDB's SQL into DataFusion's: functions that DataFusion lacks, and functions that behave differently.

`functions` has the list of functions and the entry points.
"""
