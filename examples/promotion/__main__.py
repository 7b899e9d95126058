"""A pipeline for every stage: the program is the same, ``Pulumi.STAGE.yaml`` says where it goes and what differs."""

import pulumi

from pulumi_influxdb3_engine import Database, PluginDirectory, ScheduleTest, Trigger, TriggerSettings, Watch, every

config = pulumi.Config()
window = config.require("window")

readings = Database("readings")
rollup = PluginDirectory(
    "rollup",
    source="plugins/rollup",
    # on the stage's own data, before anything that is live is touched
    test=ScheduleTest(database=readings.db, arguments={"window": window}),
    retain=False,
)
Trigger(
    "rollup",
    db=readings.db,
    plugin_filename=rollup.plugin_filename,
    trigger_specification=every(config.require("every")),
    trigger_arguments={"window": window},
    trigger_settings=TriggerSettings(error_behavior="log"),
    # what fails in its first run is taken back
    watch=Watch(seconds=config.get_float("watch") or 90),
)

pulumi.export("code", rollup.content_sha256)
