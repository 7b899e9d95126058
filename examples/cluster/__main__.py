"""A pipeline on a cluster: each node gets the code, and ``node_spec`` names the node that runs a trigger."""

import pulumi

from pulumi_influxdb3_engine import Database, PluginFile, Trigger, every, request

config = pulumi.Config()

machines = Database("machines")

means = PluginFile("means.py", source="plugins/means.py", retain=False)
Trigger(
    "means",
    db=machines.db,
    plugin_filename=means.plugin_filename,
    trigger_specification=every("1h"),
    node_spec=[config.require("means-on")],  # on one node only: two nodes would write the same means
)

report = PluginFile("report.py", source="plugins/report.py", retain=False)
served = Trigger(
    "report",
    db=machines.db,
    plugin_filename=report.plugin_filename,
    trigger_specification=request("report"),
    node_spec=[config.require("report-on")],
)

pulumi.export("report_url", served.endpoint_url)  # on the node that `report-on` names
