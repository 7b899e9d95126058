"""WAL plugin: writes a row to ``alerts`` when a field of a host crosses a threshold, up or down.

Arguments: ``field`` (the column to watch) and ``threshold`` (a number).
"""

from .alerts import alert_line
from .crossing import direction


def process_writes(influxdb3_local, table_batches, args=None):
    field, threshold = args["field"], float(args["threshold"])
    for batch in table_batches:
        for row in batch["rows"]:
            value = row.get(field)
            if value is None:
                continue
            host = row.get("host", "unknown")
            was_high = influxdb3_local.cache.get(host, default=False)
            crossed = direction(was_high, value, threshold)
            if crossed is not None:
                influxdb3_local.cache.put(host, crossed == "up")
                line = alert_line(LineBuilder, host, field, crossed, value=value, threshold=threshold)
                influxdb3_local.write(line)
                influxdb3_local.warn(f"{field} of {host} went {crossed}: {value:.1f}, threshold {threshold:.1f}")
