"""Request plugin: the newest means as JSON."""

NEWEST = "SELECT host, mean FROM cpu_means ORDER BY time DESC LIMIT 20"


def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    return influxdb3_local.query(NEWEST)
