"""Where plugins and their dependencies are looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from plugin_registry import PluginRegistry, manifest

from influxdb3_engine_resources.published.errors import PublishedError
from influxdb3_engine_resources.published.resolve import Resolver

if TYPE_CHECKING:
    from pathlib import Path

CODE = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    pass\n"


def test_a_mirror_also_serves_what_a_dependency_of_another_registry_needs(tmp_path: Path) -> None:
    mirror, other = PluginRegistry(tmp_path / "mirror"), PluginRegistry(tmp_path / "other")
    middle = manifest("middle", plugins=(("bottom", "1"),))  # names InfluxData's registry
    other.publish({"manifest.toml": middle, "middle.py": CODE})
    top = manifest("top", plugins=(("middle", "1"),), index_url=other.url)
    mirror.publish({"manifest.toml": top, "top.py": CODE})
    mirror.publish({"manifest.toml": manifest("bottom"), "bottom.py": CODE})
    resolver = Resolver(mirror.url, print)

    (to_middle,) = resolver.published("top", "1.0.0", None).dependencies
    (to_bottom,) = resolver.dependency(to_middle).dependencies

    assert resolver.dependency(to_bottom).name == "bottom"


@pytest.mark.parametrize("version", [None, "1.0.0"])
def test_an_invalid_name_is_refused_with_and_without_a_version(tmp_path: Path, version: str | None) -> None:
    with pytest.raises(PublishedError, match="is not a plugin's name"):
        Resolver(PluginRegistry(tmp_path / "registry").url, print).published("1 name", version, None)
