"""Package sets and databases through the real CLI."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stack import Stack

    from influxdb3_embedded.testing import RunningEngine

VERSION = """
import importlib.metadata
def process_request(influxdb3_local, query, headers, body, args=None):
    return importlib.metadata.version(query["package"])
"""


def test_packages_are_installed_and_an_error_names_what_is_missing(stack: Stack, engine: RunningEngine) -> None:
    path = f"version_{uuid.uuid4().hex[:8]}"
    stack.program(
        f"""
        packages = PackageSet("packages", packages=["iniconfig==2.0.0"])
        Database("packages_db")
        plugin = PluginFile("{path}.py", content={VERSION!r})
        Trigger("t", db="packages_db", plugin_filename=plugin.plugin_filename, trigger_specification=request("{path}"))
        pulumi.export("installed", packages.installed)
        """
    )
    stack.up()
    assert stack.outputs() == {"installed": {"iniconfig": "2.0.0"}}
    assert engine.client.call_request_trigger(path, params={"package": "iniconfig"}).text == "2.0.0"
    assert stack.up().changes() == ""

    engine.client.install_packages(["iniconfig==1.1.1"])
    assert stack.refresh().changes() == "~ 1 updated"
    assert stack.up().changes() == "~ 1 updated"
    assert engine.client.call_request_trigger(path, params={"package": "iniconfig"}).text == "2.0.0"

    stack.program('PackageSet("packages", packages=["iniconfig==2.0.0", "no-such-package-of-ours==1"])')
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert "no-such-package-of-ours" in ran.output


def test_the_preview_refuses_contradicting_package_sets(unreachable_stack: Stack) -> None:
    unreachable_stack.program(
        """
        PackageSet("first", packages=["numpy==1.26.4"])
        PackageSet("second", packages=["numpy>=2"])
        """
    )
    ran = unreachable_stack.preview(expect=None)
    assert ran.status != 0
    assert "cannot be installed together with numpy" in ran.output
    assert "PackageSet 'first'" in ran.output or "PackageSet 'second'" in ran.output


def test_requirements_with_a_hash_are_installed(stack: Stack) -> None:
    stack.program(
        """
        text = '''# a comment
        six==1.16.0 \\\\
            --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254
        '''
        packages = PackageSet("packages", requirements=text)
        pulumi.export("installed", packages.installed)
        """
    )
    stack.up()
    assert stack.outputs() == {"installed": {"six": "1.16.0"}}


def test_a_database_is_kept_unless_retain_is_false(stack: Stack, engine: RunningEngine) -> None:
    kept, dropped = f"kept_{uuid.uuid4().hex[:8]}", f"dropped_{uuid.uuid4().hex[:8]}"
    stack.program(f'Database("{kept}")\nDatabase("{dropped}", retain=False)')
    stack.up()
    ran = stack.destroy()
    assert kept in engine.client.databases()
    assert dropped not in engine.client.databases()
    assert f"database '{kept}' is kept with its data" in ran.output

    stack.program(f'Database("{kept}")')
    stack.up()
    stack.program(f'Database("other", db="{kept}", retain=False)')
    ran = stack.up(expect=None)
    assert ran.status != 0
    assert "would delete data that this stack did not create" in ran.output
