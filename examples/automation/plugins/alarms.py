"""WAL plugin: writes an alarm for each reading above ``limit``, an argument."""


def process_writes(influxdb3_local, table_batches, args=None):
    limit = float(args["limit"])
    for batch in table_batches:
        for row in batch["rows"]:
            if row["value"] > limit:
                line = LineBuilder("alarms").tag("sensor", row["sensor"])
                influxdb3_local.write(line.float64_field("value", row["value"]))
