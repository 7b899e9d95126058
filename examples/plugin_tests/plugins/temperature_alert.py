"""Writes a row to `alerts` for each temperature above the trigger's argument `limit`."""

from __future__ import annotations


def process_writes(influxdb3_local, table_batches, args=None):
    limit = float((args or {})["limit"])
    for batch in table_batches:
        for row in batch["rows"]:
            celsius = row.get("celsius")
            if celsius is None or celsius <= limit:
                continue
            influxdb3_local.warn(f"{row['room']} has {celsius} degrees")
            alert = LineBuilder("alerts").tag("room", row["room"]).float64_field("excess", celsius - limit)
            influxdb3_local.write(alert.time_ns(row["time"]))
