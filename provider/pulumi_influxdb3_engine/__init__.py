"""InfluxDB 3's Processing engine as infrastructure-as-code.

Declare triggers, plugins and packages in a Pulumi program::

    from pulumi_influxdb3_engine import PluginFile, Trigger, every

    plugin = PluginFile("metrics.py", source="plugins/metrics.py")
    Trigger("metrics", db="metrics", plugin_filename=plugin.plugin_filename, trigger_specification=every("10s"))

"Contract 7.1" in a docstring is section 7.1 of ``CONTRACT.md`` in the package ``influxdb3_engine_api``.
"""

from pulumi_influxdb3_engine._stack import engine_names
from pulumi_influxdb3_engine.database import Database, DatabaseArgs
from pulumi_influxdb3_engine.dry_runs import ScheduleTest, WalTest
from pulumi_influxdb3_engine.functions import (
    DryRunAnswer,
    DryRunFailed,
    RequestAnswer,
    RequestFailed,
    dry_run_schedule,
    dry_run_wal,
    invoke_request,
    test_schedule_plugin,
    test_wal_plugin,
)
from pulumi_influxdb3_engine.package_set import PackageSet, PackageSetArgs
from pulumi_influxdb3_engine.plugin import Plugin
from pulumi_influxdb3_engine.plugin_directory import PluginDirectory, PluginDirectoryArgs
from pulumi_influxdb3_engine.plugin_file import PluginFile, PluginFileArgs, PluginManifest
from pulumi_influxdb3_engine.specifications import ALL_TABLES, cron, every, request, table
from pulumi_influxdb3_engine.trigger import Trigger, TriggerArgs, TriggerSettings, Watch

__all__ = [
    "ALL_TABLES",
    "Database",
    "DatabaseArgs",
    "DryRunAnswer",
    "DryRunFailed",
    "PackageSet",
    "PackageSetArgs",
    "Plugin",
    "PluginDirectory",
    "PluginDirectoryArgs",
    "PluginFile",
    "PluginFileArgs",
    "PluginManifest",
    "RequestAnswer",
    "RequestFailed",
    "ScheduleTest",
    "Trigger",
    "TriggerArgs",
    "TriggerSettings",
    "WalTest",
    "Watch",
    "cron",
    "dry_run_schedule",
    "dry_run_wal",
    "engine_names",
    "every",
    "invoke_request",
    "request",
    "table",
    "test_schedule_plugin",
    "test_wal_plugin",
]
