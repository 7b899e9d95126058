"""Request plugin: the alerts as JSON, for callers that send ``token``, an argument, in the header ``x-token``."""


def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    if request_headers.get("x-token") != args["token"]:
        return {"error": "the header x-token is missing or wrong"}, 403
    return {"alerts": influxdb3_local.query("SELECT host, usage FROM alerts ORDER BY time")}
