"""WAL plugin: writes a row to ``alerts`` for each CPU usage above ``threshold``, an argument."""


def process_writes(influxdb3_local, table_batches, args=None):
    threshold = float(args["threshold"])
    for batch in table_batches:
        for row in batch["rows"]:
            if row["usage"] > threshold:
                line = LineBuilder("alerts").tag("host", row["host"])
                influxdb3_local.write(line.float64_field("usage", row["usage"]))
