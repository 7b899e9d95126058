"""WAL plugin: writes an alarm for each flow below ``least``, an argument."""


def process_writes(influxdb3_local, table_batches, args=None):
    least = float(args["least"])
    for batch in table_batches:
        for row in batch["rows"]:
            if row["litres"] < least:
                line = LineBuilder("alarms").tag("pump", row["pump"])
                influxdb3_local.write(line.float64_field("litres", row["litres"]))
