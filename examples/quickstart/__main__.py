"""The quickstart pipeline: metrics of this machine every two seconds, alerts, and a report over HTTP."""

import pulumi

from pulumi_influxdb3_engine import (
    Database,
    PackageSet,
    PluginDirectory,
    PluginFile,
    Table,
    Trigger,
    every,
    request,
    table,
)

config = pulumi.Config("quickstart")
threshold = config.get_float("threshold") or 50.0

metrics = Database("metrics")
# a trigger runs on this table: a real server may stop a trigger whose table does not exist yet
cpu = Table("cpu", db=metrics.db, tags=["host"], fields={"usage_percent": "float64", "cores": "int64"})
packages = PackageSet("packages", packages=["psutil>=5.9"])

system_metrics = PluginFile("system_metrics.py", source="plugins/system_metrics.py", retain=False)
Trigger(
    "system_metrics",
    db=metrics.db,
    plugin_filename=system_metrics.plugin_filename,
    trigger_specification=every("2s"),
    opts=pulumi.ResourceOptions(depends_on=[packages]),
)

threshold_alert = PluginDirectory("threshold_alert", source="plugins/threshold_alert", retain=False)
Trigger(
    "threshold_alert",
    db=metrics.db,
    plugin_filename=threshold_alert.plugin_filename,
    trigger_specification=table(cpu.table_name),
    trigger_arguments={"field": "usage_percent", "threshold": threshold},
)

report = PluginFile("report.py", source="plugins/report.py", retain=False)
report_trigger = Trigger(
    "report",
    db=metrics.db,
    plugin_filename=report.plugin_filename,
    trigger_specification=request("report"),
)

pulumi.export("report_url", report_trigger.endpoint_url)
pulumi.export("threshold", threshold)
