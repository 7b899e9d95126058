"""Three plugins of InfluxData's registry: hourly means of a table, and an alert when a value is too high."""

from urllib.parse import urlsplit

import pulumi

from pulumi_influxdb3_engine import Database, Plugin, Trigger, every, request, table

config = pulumi.Config()
engine = urlsplit(pulumi.Config("influxdb3").get("hostUrl") or "http://127.0.0.1:8181")

home = Database("home")

downsampler = Plugin("downsampler", version="^1.4", retain=False)
Trigger(
    "hourly",
    db=home.db,
    plugin_filename=downsampler.plugin_filename,
    trigger_specification=every(config.get("every") or "1h"),
    trigger_arguments={
        "source_measurement": "home",
        "target_measurement": "home_hourly",
        "interval": "1h",
        "window": "1d",
        "calculations": "avg",
    },
)

# depends on the plugin "notifier", which comes with it: both are installed with their Python packages
checks = Plugin("threshold_deadman_checks", version="^1", retain=False)
notify = Trigger(
    "notify",
    db=home.db,
    plugin_filename=checks.dependencies["notifier"].plugin_filename,
    trigger_specification=request("notify"),
)
Trigger(
    "too-hot",
    db=home.db,
    plugin_filename=checks.plugin_filename,
    trigger_specification=table("home"),
    trigger_arguments={
        "measurement": "home",
        "field_conditions": "temp>'30.0'-WARN",
        "senders": "http",
        "http_webhook_url": config.require_secret("webhook"),
        "influxdb3_auth_token": pulumi.Config("influxdb3").get_secret("authToken") or "none",
        "port_override": engine.port or 8181,
    },
    opts=pulumi.ResourceOptions(depends_on=[notify]),
)

pulumi.export("downsampler", downsampler.version)
pulumi.export("threshold_deadman_checks", checks.version)
pulumi.export("notifier", checks.dependencies["notifier"].version)
