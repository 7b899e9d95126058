"""Gives each tenant a database with alarms, through Pulumi's Automation API.

uv run examples/automation/tenants.py add NAME --limit 30   creates the tenant, or changes the limit
uv run examples/automation/tenants.py show                  lists the tenants and their limits
uv run examples/automation/tenants.py remove NAME           deletes the tenant with its data
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pulumi
from pulumi import automation

from pulumi_influxdb3_engine import Database, PluginFile, Table, Trigger, table

PROJECT = "tenants"
PLUGIN = Path(__file__).parent / "plugins" / "alarms.py"


def pipeline() -> None:
    """The program: what one tenant has. The name of the stack is the name of the tenant."""
    tenant = pulumi.get_stack()
    limit = pulumi.Config().require("limit")
    database = Database(tenant, retain=False)
    readings = Table("readings", db=database.db, tags=["sensor"], fields={"value": "float64"})
    alarms = PluginFile(f"{tenant}/alarms.py", source=PLUGIN, retain=False)
    Trigger(
        "alarms",
        db=database.db,
        plugin_filename=alarms.plugin_filename,
        trigger_specification=table(readings.table_name),
        trigger_arguments={"limit": limit},
    )
    pulumi.export("limit", limit)


def add(tenant: str, limit: str) -> None:
    """Preview, show what changes, then deploy."""
    stack = automation.create_or_select_stack(tenant, PROJECT, pipeline)
    stack.set_config("limit", automation.ConfigValue(limit))
    changes = stack.preview().change_summary
    print(f"{tenant}:", ", ".join(f"{count} {operation}" for operation, count in changes.items()))
    stack.up()


def show() -> None:
    """Print a line for each tenant."""
    workspace = automation.LocalWorkspace(
        project_settings=automation.ProjectSettings(PROJECT, runtime="python"), program=pipeline
    )
    for stack in workspace.list_stacks():
        outputs = workspace.stack_outputs(stack.name)
        if "limit" in outputs:  # else nothing was deployed
            print(f"{stack.name}: limit {outputs['limit'].value}")


def remove(tenant: str) -> None:
    """Delete what the tenant has, and then the stack."""
    stack = automation.select_stack(tenant, PROJECT, pipeline)
    stack.destroy()
    stack.workspace.remove_stack(tenant)
    print(f"{tenant}: removed")


def main() -> int:
    """Run a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    adding = commands.add_parser("add")
    adding.add_argument("tenant")
    adding.add_argument("--limit", required=True)
    commands.add_parser("show")
    commands.add_parser("remove").add_argument("tenant")
    arguments = parser.parse_args()
    try:
        if arguments.command == "add":
            add(arguments.tenant, arguments.limit)
        elif arguments.command == "remove":
            remove(arguments.tenant)
        else:
            show()
    except automation.errors.CommandError as error:
        # the error has all that Pulumi printed
        print(*(line for line in str(error).splitlines() if "error:" in line), sep="\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
