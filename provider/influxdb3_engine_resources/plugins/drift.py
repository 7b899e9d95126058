"""Drift of plugin files: what the hosts have instead of the declared files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from influxdb3_engine_resources.errors import ProbeFailed
from influxdb3_engine_resources.server.host import sha256

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from influxdb3_engine_resources.server.host import Host
    from influxdb3_engine_resources.server.probe import ProbedFile


class Drift(NamedTuple):
    """Files that differ from the declared ones.

    Attributes:
        files: Path to the text of the file now, or to None if no host has it; only files that differ or were added.
        modified: Path to the time of the last change in milliseconds, for files that could not be compared by content.
    """

    files: dict[str, str | None]
    modified: dict[str, int]


def drift(
    hosts: Collection[Host], declared: dict[str, str], modified: Mapping[str, int], *, directory: str | None = None
) -> Drift:
    """Compare files by content. On a host without dry runs, compare by size and time, with a notice.

    Needs one request for each host in a deployment, and one more for the files that differ.

    Args:
        hosts: The hosts.
        declared: Path to the declared text.
        modified: ``Drift.modified`` of the previous comparison.
        directory: A directory in which every Python file must be declared, since plugins can import it; or None.

    Raises:
        EngineApiError: A host could not be asked.
    """
    found: dict[Host, dict[str, str | None]] = {}
    times: dict[str, int] = {}
    for host in hosts:
        try:
            found[host] = _by_content(host, declared, directory)
        except ProbeFailed as error:
            host.notice_once(f"files are compared only by size and time: {error}")
            found[host] = _by_table(host, declared, modified, times)
    paths = dict.fromkeys(path for files in found.values() for path in files)
    combined = {path: _combined({host: files.get(path) for host, files in found.items()}) for path in paths}
    return Drift({path: text for path, text in combined.items() if text != declared.get(path)}, times)


def _by_content(host: Host, declared: dict[str, str], directory: str | None) -> dict[str, str | None]:
    hashes = host.probe.hashes(declared)
    other = [path for path, content in declared.items() if hashes.get(path) != sha256(content)]
    if directory is not None:
        below = host.probe.names_below(directory)
        # other files may be data of the plugin
        other += [path for path in below if path.endswith(".py") and path not in declared]
    if not other:
        return dict(declared)
    files = host.probe.ask(files=other).files
    return declared | {path: _as_code(file) for path, file in files.items()}


def _by_table(
    host: Host, declared: dict[str, str], modified: Mapping[str, int], times: dict[str, int]
) -> dict[str, str | None]:
    # the table lists only files that triggers run (contract 7.2): a file that it lacks may exist
    files: dict[str, str | None] = dict(declared)
    for path, content in declared.items():
        row = host.plugin_table.row(path)
        if row is None:
            continue
        times[path] = row.last_modified
        if row.size_bytes != len(content.encode()) or row.last_modified != modified.get(path, row.last_modified):
            files[path] = f"# changed by hand: {row.size_bytes} bytes; only a dry run could read them\n"
    return files


def _as_code(file: ProbedFile | None) -> str | None:
    """The text of a file for a diff of code; None if there is no file."""
    if file is None or file.text is not None:
        return None if file is None else file.text
    return f"# {file.size} bytes: too large to show, or not UTF-8 (SHA-256 {file.sha256})\n"


def _combined(found: Mapping[Host, str | None]) -> str | None:
    """The text of a file in the state: the text that all hosts have, or a remark if the hosts differ.

    The remark differs from every declared text, so that an update corrects all hosts.
    """
    texts = set(found.values())
    if len(texts) == 1:
        return texts.pop()
    each = [f"{host.url} has {'no file' if text is None else sha256(text)[:12]}" for host, text in found.items()]
    return f"# not the same on all hosts: {', '.join(each)}\n"
