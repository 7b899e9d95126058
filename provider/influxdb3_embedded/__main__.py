"""``python -m influxdb3_embedded`` is the ``influxdb3-embedded`` command."""

from influxdb3_embedded.cli import app

app(prog_name="influxdb3-embedded")
