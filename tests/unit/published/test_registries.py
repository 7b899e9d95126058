"""Registries: which version is taken, what is refused, and what the next preview asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from plugin_registry import PluginRegistry, manifest

from influxdb3_engine_resources.published.errors import PublishedError
from influxdb3_engine_resources.published.registry import Registry, Wanted

if TYPE_CHECKING:
    from pathlib import Path

    from influxdb3_engine_resources.published.layout import PublishedPlugin

CODE = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    pass\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PULUMI_INFLUXDB3_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def registry(tmp_path: Path) -> PluginRegistry:
    made = PluginRegistry(tmp_path / "registry")
    for version in ("1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1"):
        made.publish({"manifest.toml": manifest("rollup", version), "rollup.py": CODE + f"# {version}\n"})
    made.publish({"manifest.toml": manifest("rollup", "1.11.0"), "rollup.py": CODE}, yanked=True)
    return made


def fetched(url: str, version: str, name: str = "rollup", warnings: list[str] | None = None) -> PublishedPlugin:
    opened = Registry(url, (warnings if warnings is not None else []).append)
    return opened.plugin(opened.find(Wanted.parse(name, version)))


@pytest.mark.parametrize(
    ("asked", "taken"),
    [("1.2.0", "1.2.0"), ("1.2", "1.10.0"), ("~1.2", "1.2.0"), ("*", "1.10.0"), (">=2.0.0-rc.1", "2.0.0-rc.1")],
)
def test_a_range_takes_the_newest_version_that_is_not_yanked(registry: PluginRegistry, asked: str, taken: str) -> None:
    assert fetched(registry.url, asked).manifest.plugin.version.text == taken


@pytest.mark.parametrize("name", ["ROLLUP", "rollup"])
def test_names_are_compared_in_their_canonical_form(registry: PluginRegistry, name: str) -> None:
    assert fetched(registry.url, "1.2.0", name).manifest.plugin.name == "rollup"


def test_a_yanked_version_is_taken_with_a_warning(registry: PluginRegistry) -> None:
    warnings: list[str] = []

    assert fetched(registry.url, "1.11.0", warnings=warnings).manifest.plugin.version.text == "1.11.0"
    assert "1.11.0 is yanked" in warnings[0]
    assert "1.10.0" in warnings[0]


def test_an_unknown_version_lists_what_there_is(registry: PluginRegistry) -> None:
    with pytest.raises(PublishedError, match=r"no rollup 3\.0\.0: it has 2\.0\.0-rc\.1, 1\.11\.0 \(yanked\), 1\.10\.0"):
        fetched(registry.url, "3.0.0")


def test_an_unknown_name_lists_the_nearest(registry: PluginRegistry) -> None:
    with pytest.raises(PublishedError, match="has no plugin 'rolup': it has rollup"):
        fetched(registry.url, "1.0.0", "rolup")


def test_an_archive_with_another_hash_is_refused(registry: PluginRegistry) -> None:
    archive = registry.directory / "rollup-1.2.0.tar.gz"
    archive.write_bytes(archive.read_bytes() + b"x")

    with pytest.raises(PublishedError, match=r"has the SHA-256 [0-9a-f]{64}, and [0-9a-f]{64} was expected"):
        fetched(registry.url, "1.2.0")


def test_an_archive_that_holds_another_version_is_refused(registry: PluginRegistry) -> None:
    registry.publish({"manifest.toml": manifest("other", "1.0.0"), "other.py": CODE}, name="rollup", version="5.0.0")
    (registry.directory / "other-1.0.0.tar.gz").rename(registry.directory / "rollup-5.0.0.tar.gz")

    with pytest.raises(PublishedError):
        fetched(registry.url, "5.0.0")


def test_the_second_look_is_offline(registry: PluginRegistry) -> None:
    with registry.served():
        url = registry.url
        first = fetched(url, "^1")
        assert registry.asked == ["/index.json", "/rollup-1.10.0.tar.gz"]
        fetched(url, "^1")
        assert len(registry.asked) == 2
    # nobody serves it any more
    assert fetched(url, "^1").files == first.files


def test_a_version_that_was_published_since_is_found(registry: PluginRegistry) -> None:
    with registry.served():
        fetched(registry.url, "^1")
        registry.publish({"manifest.toml": manifest("rollup", "3.0.0"), "rollup.py": CODE})

        assert fetched(registry.url, "3.0.0").manifest.plugin.version.text == "3.0.0"


def test_an_old_index_serves_where_the_registry_is_gone_and_a_warning_says_so(
    registry: PluginRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with registry.served():
        url = registry.url
        fetched(url, "^1")
    monkeypatch.setattr("influxdb3_engine_resources.published.registry.INDEX_SECONDS", 0)
    warnings: list[str] = []

    assert fetched(url, "^1", warnings=warnings).manifest.plugin.version.text == "1.10.0"
    assert "an older copy of its index is used" in warnings[0]


def test_a_damaged_cache_is_read_anew(registry: PluginRegistry, cache: Path) -> None:
    with registry.served():
        fetched(registry.url, "^1")
        for file in (cache / "registries").iterdir():
            if not file.read_bytes().startswith(b"{"):
                file.write_bytes(b"damaged")

        assert fetched(registry.url, "^1").manifest.plugin.version.text == "1.10.0"


def test_a_cache_that_cannot_be_written_is_done_without(registry: PluginRegistry, cache: Path) -> None:
    cache.write_text("a file")

    with registry.served():
        assert fetched(registry.url, "^1").manifest.plugin.version.text == "1.10.0"


@pytest.mark.parametrize(
    ("index", "problem"),
    [
        ("not json", "is not JSON"),
        ("[]", "is not a JSON object"),
        ("{}", "index_schema_version is missing"),
        ('{"index_schema_version": "1.0", "plugins": []}', "this release reads 2.x"),
        ('{"index_schema_version": "2.9", "plugins": {}}', "plugins is not a list"),
        ('{"index_schema_version": "2.9", "plugins": []}', "is empty"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_what_is_no_index_is_refused(tmp_path: Path, index: str, problem: str) -> None:
    (tmp_path / "index.json").write_text(index)

    with pytest.raises(PublishedError, match=problem):
        fetched((tmp_path / "index.json").as_uri(), "1.0.0")


def test_an_entry_of_another_plugin_that_is_broken_harms_nobody(registry: PluginRegistry) -> None:
    file = registry.directory / "index.json"
    index = json.loads(file.read_text())
    index["plugins"] += [{"name": "broken"}, "text", {"name": 5}]
    file.write_text(json.dumps(index))

    assert fetched(registry.url, "1.2.0").manifest.plugin.version.text == "1.2.0"
    with pytest.raises(PublishedError, match=r"broken: version: Field required"):
        fetched(registry.url, "1.2.0", "broken")


@pytest.mark.parametrize("url", ["ftp://host/index.json", "index.json", "", "s3://bucket/index.json"])
def test_another_scheme_is_refused(url: str) -> None:
    with pytest.raises(PublishedError, match="https:// or http:// or file://"):
        Registry(url, print)


@pytest.mark.parametrize("url", ["file://other-host/index.json", "file:///no/such/index.json", "http://127.0.0.1:9/i"])
def test_a_registry_that_cannot_be_read_is_an_error_with_its_url(url: str) -> None:
    with pytest.raises(PublishedError, match=url.partition("//")[2].partition("/")[0] or "index.json"):
        fetched(url, "1.0.0")
