"""Request plugin: a JSON summary of the last ``minutes``, a number in the query (GET) or in the JSON body (POST)."""

import json

SUMMARY = """
    SELECT
        host,
        count(*) AS samples,
        avg(usage_percent) AS mean_percent,
        max(usage_percent) AS highest_percent
    FROM cpu WHERE time > now() - CAST($window AS INTERVAL)
    GROUP BY host ORDER BY host
"""
ALERTS = """
    SELECT host, direction, count(*) AS alerts
    FROM alerts WHERE time > now() - CAST($window AS INTERVAL)
    GROUP BY host, direction ORDER BY host, direction
"""
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'iox'"


def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    parameters = json.loads(request_body) if request_body else query_parameters
    try:
        minutes = float(parameters.get("minutes", 5))
    except (AttributeError, TypeError, ValueError):
        return {"error": "minutes has to be a number"}, 400

    tables = {row["table_name"] for row in influxdb3_local.query(TABLES)}
    since = {"window": f"{minutes} minutes"}
    return {
        "minutes": minutes,
        "cpu": influxdb3_local.query(SUMMARY, since) if "cpu" in tables else [],
        "alerts": influxdb3_local.query(ALERTS, since) if "alerts" in tables else [],
    }
