"""One pipeline for every stage; ``Pulumi.STAGE.yaml`` holds the stage's server and settings."""

import pulumi

from pulumi_influxdb3_engine import Database, PluginDirectory, ScheduleTest, Trigger, TriggerSettings, Watch, every

config = pulumi.Config()
window = config.require("window")

# the stage that this one gets its code from; prod deploys nothing that staging does not run
source = config.get("from")
expected = (
    pulumi.StackReference(f"{pulumi.get_organization()}/promotion/{source}").get_output("code") if source else None
)

readings = Database("readings")
rollup = PluginDirectory(
    "rollup",
    source="plugins/rollup",
    expected_sha256=expected,
    # new code has to pass a dry run on the stage's own data
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
    # rolls back if the first run fails
    watch=Watch(seconds=config.get_float("watch") or 90),
)

pulumi.export("code", rollup.content_sha256)
