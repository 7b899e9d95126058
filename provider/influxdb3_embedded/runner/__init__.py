"""Runs the plugins of triggers: when, with what input, in which process, and what happens with their output.

The engine uses `Runner`. A `PluginBackend` runs the queries and writes of plugins, a `LogBook` keeps their log rows, a
`PluginDirectory` has their code, and a `PluginEnvironment` has the interpreter that runs the code.
"""

from influxdb3_embedded.runner.logbook import LogBook, LogLevel, LogRow
from influxdb3_embedded.runner.outcomes import DryRun, PluginFailed, PluginResponse
from influxdb3_embedded.runner.plugin_backend import PluginBackend, PluginQueryError, PluginWriteError
from influxdb3_embedded.runner.plugins.directory import PluginDirectory, PluginFile
from influxdb3_embedded.runner.plugins.environment import InstallFailed, PluginEnvironment
from influxdb3_embedded.runner.plugins.plugin_paths import PluginFileError
from influxdb3_embedded.runner.runner import Runner
from influxdb3_embedded.runner.triggers.write_log import WriteLog, WriteLogUnreadable

__all__ = [
    "DryRun",
    "InstallFailed",
    "LogBook",
    "LogLevel",
    "LogRow",
    "PluginBackend",
    "PluginDirectory",
    "PluginEnvironment",
    "PluginFailed",
    "PluginFile",
    "PluginFileError",
    "PluginQueryError",
    "PluginResponse",
    "PluginWriteError",
    "Runner",
    "WriteLog",
    "WriteLogUnreadable",
]
