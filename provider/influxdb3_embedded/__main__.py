"""Makes ``python -m influxdb3_embedded`` the command ``influxdb3-embedded``."""

from influxdb3_embedded.cli import app

app(prog_name="influxdb3-embedded")
