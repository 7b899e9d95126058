"""Schedule plugin: writes the mean CPU usage of each host in the last hour to ``cpu_means``."""

TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'iox'"
MEANS = "SELECT host, avg(usage) AS mean FROM cpu WHERE time > now() - INTERVAL '1 hour' GROUP BY host"


def process_scheduled_call(influxdb3_local, call_time, args=None):
    if "cpu" not in {row["table_name"] for row in influxdb3_local.query(TABLES)}:
        return
    for row in influxdb3_local.query(MEANS):
        influxdb3_local.write(LineBuilder("cpu_means").tag("host", row["host"]).float64_field("mean", row["mean"]))
