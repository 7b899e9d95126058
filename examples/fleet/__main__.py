"""One pipeline for every site; ``influxdb3:engines`` holds the servers of the sites."""

import pulumi

from pulumi_influxdb3_engine import Database, PluginFile, Trigger, engine_names, table

config = pulumi.Config()

for site in engine_names():
    of_site = pulumi.ResourceOptions(parent=pulumi.ComponentResource("fleet:index:Site", site))
    machines = Database(f"{site}-machines", db="machines", engine=site, opts=of_site)
    alarms = PluginFile(
        f"{site}-alarms", plugin_name="alarms.py", source="plugins/alarms.py", engine=site, opts=of_site
    )
    Trigger(
        f"{site}-alarms",
        trigger_name="alarms",
        db=machines.db,
        plugin_filename=alarms.plugin_filename,
        trigger_specification=table("temperature"),
        trigger_arguments={"limit": config.get_int("limit") or 80},
        engine=site,
        opts=of_site,
    )
