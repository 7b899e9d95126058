"""A pipeline of one plugin: an alarm for each flow that is too low."""

import pulumi

from pulumi_influxdb3_engine import Database, PluginFile, Table, Trigger, table

config = pulumi.Config()

pumps = Database("pumps")
flow = Table("flow", db=pumps.db, tags=["pump"], fields={"litres": "float64"})
low_flow = PluginFile("low_flow.py", source="plugins/low_flow.py")
Trigger(
    "low-flow",
    db=pumps.db,
    plugin_filename=low_flow.plugin_filename,
    trigger_specification=table(flow.table_name),
    trigger_arguments={"least": config.get_int("least") or 5},
)
