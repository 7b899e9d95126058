"""WAL plugin: writes an alarm for each temperature above ``limit``, an argument."""


def process_writes(influxdb3_local, table_batches, args=None):
    limit = float(args["limit"])
    for batch in table_batches:
        for row in batch["rows"]:
            if row["celsius"] > limit:
                line = LineBuilder("alarms").tag("machine", row["machine"])
                influxdb3_local.write(line.float64_field("celsius", row["celsius"]))
