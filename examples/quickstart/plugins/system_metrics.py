"""Schedule plugin: writes CPU, memory, disk and network figures of the server's machine."""

import socket

import psutil

SAMPLE_SECONDS = 0.2


def process_scheduled_call(influxdb3_local, call_time, args=None):
    host = socket.gethostname()

    cpu = LineBuilder("cpu").tag("host", host)
    cpu.float64_field("usage_percent", psutil.cpu_percent(interval=SAMPLE_SECONDS))
    cpu.int64_field("cores", psutil.cpu_count())
    influxdb3_local.write(cpu)

    used = psutil.virtual_memory()
    memory = LineBuilder("memory").tag("host", host)
    memory.int64_field("total_bytes", used.total).int64_field("available_bytes", used.available)
    memory.float64_field("used_percent", used.percent)
    influxdb3_local.write(memory)

    root = psutil.disk_usage("/")
    disk = LineBuilder("disk").tag("host", host).tag("path", "/")
    disk.int64_field("total_bytes", root.total).int64_field("free_bytes", root.free)
    disk.float64_field("used_percent", root.percent)
    influxdb3_local.write(disk)

    traffic = psutil.net_io_counters()
    network = LineBuilder("network").tag("host", host)
    network.int64_field("bytes_sent", traffic.bytes_sent).int64_field("bytes_received", traffic.bytes_recv)
    influxdb3_local.write(network)
