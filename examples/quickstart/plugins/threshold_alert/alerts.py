"""The rows of the table ``alerts``."""


def alert_line(line_builder, host, field, crossed, *, value, threshold):
    """The row for one crossing."""
    line = line_builder("alerts").tag("host", host).tag("field", field)
    line.string_field("direction", crossed).float64_field("value", value).float64_field("threshold", threshold)
    return line
