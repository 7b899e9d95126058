"""The embedded engine: InfluxDB 3's Processing engine HTTP API on one machine.

It runs real plugins in worker processes, answers real SQL (DataFusion) and keeps what it acknowledged (SQLite).
Start it with ``influxdb3-embedded serve``.

"Contract 7.1" in a docstring is section 7.1 of ``CONTRACT.md`` in the package ``influxdb3_engine_api``.
"""
