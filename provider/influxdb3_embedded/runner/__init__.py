"""Runs the plugins of triggers: when, with what input, in which process, and what becomes of their output.

`Runner` is the door. What it needs from the server comes in as `PluginBackend`, what plugins say goes to a `LogBook`,
where their code lies is a `PluginDirectory`, and the interpreter that runs it is a `PluginEnvironment`.
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
