"""What the hosts have in place of the files that a program declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from influxdb3_engine_resources.errors import ProbeFailed
from influxdb3_engine_resources.server.host import sha256

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from influxdb3_engine_resources.server.host import Host
    from influxdb3_engine_resources.server.probe import ProbedFile


class Drift(NamedTuple):
    """Files that are not as declared.

    Attributes:
        files: Path to what is there now, ``None`` where no host has it; files that are as declared are absent, and
            those that somebody added are present.
        modified: Path to the time of its last change in milliseconds, of files that only the system table told of.
    """

    files: dict[str, str | None]
    modified: dict[str, int]


def drift(
    hosts: Collection[Host], declared: dict[str, str], modified: Mapping[str, int], *, directory: str | None = None
) -> Drift:
    """Compare files by content; by size and time where a host does not run dry runs, which is said once.

    One request a host for all the resources of a deployment, and one more for the files that differ.

    Args:
        hosts: Where the files are.
        declared: Path to the text that the file should have.
        modified: What the previous comparison returned.
        directory: Where all Python files are to be declared ones: others may be imported in their stead.

    Raises:
        EngineApiError: A host could not be asked.
    """
    found: dict[Host, dict[str, str | None]] = {}
    times: dict[str, int] = {}
    for host in hosts:
        try:
            found[host] = _by_content(host, declared, directory)
        except ProbeFailed as error:
            host.notice_once(f"files are compared by size and time only, since {error}")
            found[host] = _by_table(host, declared, modified, times)
    paths = dict.fromkeys(path for files in found.values() for path in files)
    combined = {path: _combined({host: files.get(path) for host, files in found.items()}) for path in paths}
    return Drift({path: text for path, text in combined.items() if text != declared.get(path)}, times)


def _by_content(host: Host, declared: dict[str, str], directory: str | None) -> dict[str, str | None]:
    hashes = host.probe.hashes(declared)
    other = [path for path, content in declared.items() if hashes.get(path) != sha256(content)]
    if directory is not None:
        below = host.probe.names_below(directory)
        # what is no Python may be a plugin's own data
        other += [path for path in below if path.endswith(".py") and path not in declared]
    if not other:
        return dict(declared)
    files = host.probe.ask(files=other).files
    return declared | {path: _as_code(file) for path, file in files.items()}


def _by_table(
    host: Host, declared: dict[str, str], modified: Mapping[str, int], times: dict[str, int]
) -> dict[str, str | None]:
    # the table lists the files of triggers only (contract 7.2): one that it lacks may well be there
    files: dict[str, str | None] = dict(declared)
    for path, content in declared.items():
        row = host.plugin_table.row(path)
        if row is None:
            continue
        times[path] = row.last_modified
        if row.size_bytes != len(content.encode()) or row.last_modified != modified.get(path, row.last_modified):
            files[path] = f"# changed by hand: {row.size_bytes} bytes, which only a dry run could read\n"
    return files


def _as_code(file: ProbedFile | None) -> str | None:
    """A file as a diff of code shows it."""
    if file is None or file.text is not None:
        return None if file is None else file.text
    return f"# {file.size} bytes that are too large to show, or not UTF-8 text (SHA-256 {file.sha256})\n"


def _combined(found: Mapping[Host, str | None]) -> str | None:
    """What stands for a file in the state: the text that all hosts have, or a remark where they do not agree.

    The remark, and not one host's text: a state that happened to agree with the program would hide the other host.
    """
    texts = set(found.values())
    if len(texts) == 1:
        return texts.pop()
    each = [f"{host.url} has {'no file' if text is None else sha256(text)[:12]}" for host, text in found.items()]
    return f"# not the same on all hosts: {', '.join(each)}\n"
