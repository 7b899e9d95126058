"""A webhook with a secret: the provider ``random`` makes the secret, and a trigger checks it."""

import pulumi
import pulumi_random as random

from pulumi_influxdb3_engine import Database, PluginFile, Trigger, request

config = pulumi.Config()

events = Database("events")

# A new value of a keeper makes a new password: for another database, and for each rotation.
secret = random.RandomPassword(
    "webhook",
    length=32,
    special=False,
    keepers={"database": events.db, "rotation": config.get("rotation") or "1"},
)

webhook = PluginFile("webhook.py", source="plugins/webhook.py")
trigger = Trigger(
    "webhook",
    db=events.db,
    plugin_filename=webhook.plugin_filename,
    trigger_specification=request("webhook"),
    trigger_arguments={"secret": secret.result},
)

# The sender needs both. If a provider declares the sender, too, pass them to its resource instead.
pulumi.export("url", trigger.endpoint_url)
pulumi.export("secret", secret.result)
