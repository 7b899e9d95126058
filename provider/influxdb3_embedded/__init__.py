"""The embedded engine: InfluxDB 3's Processing engine HTTP API on one machine.

It runs plugins in worker processes and answers SQL (DataFusion). Acknowledged writes and changes survive a crash
(SQLite). ``influxdb3-embedded serve`` starts it.

"Contract 7.1" in a docstring is section 7.1 of ``CONTRACT.md`` in the package ``influxdb3_engine_api``.
"""
