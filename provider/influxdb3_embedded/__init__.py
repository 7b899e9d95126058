"""The embedded engine: InfluxDB 3's Processing engine HTTP API on one machine.

It runs real plugins in worker processes, answers real SQL (DataFusion) and keeps what it acknowledged (SQLite).
Start it with ``influxdb3-embedded serve``.
"""
