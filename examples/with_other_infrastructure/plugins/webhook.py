"""Request plugin: writes the body of a request to ``events`` if the request has the secret."""

import hmac


def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    sent = request_headers.get("x-webhook-secret", "")
    if not hmac.compare_digest(sent.encode(), args["secret"].encode()):
        return {"error": "the header x-webhook-secret is missing or wrong"}, 403
    text = request_body if isinstance(request_body, str) else request_body.decode()
    influxdb3_local.write(LineBuilder("events").tag("source", "webhook").string_field("text", text))
    return {"accepted": True}
