"""The logic of plugin files."""

from __future__ import annotations

import re
from difflib import ndiff
from typing import TYPE_CHECKING, Any, ClassVar

from influxdb3_engine_resources.conflicts import exists_already
from influxdb3_engine_resources.errors import Failure, InvalidInputs, ResourceError
from influxdb3_engine_resources.inputs import UNKNOWN, Inputs
from influxdb3_engine_resources.names import PluginPath, TriggerName
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.plugins.change import (
    FileChange,
    existing_hashes,
    refuse_other_code,
    refuse_unexpected_code,
)
from influxdb3_engine_resources.plugins.clean_up import remove_files, remove_files_later
from influxdb3_engine_resources.plugins.code import Code
from influxdb3_engine_resources.plugins.drift import drift
from influxdb3_engine_resources.plugins.gate import DryRunInputs, Gate, missing_entry_points
from influxdb3_engine_resources.plugins.manifest_facts import (
    ManifestFacts,
    preview_releases,
    refuse_other_releases,
    with_triggers,
)
from influxdb3_engine_resources.plugins.source import PluginSourceError, parse_file
from influxdb3_engine_resources.resource import Created, Difference, Live, ResourceLogic
from influxdb3_engine_resources.server.host import refuse_where_locked, sha256
from influxdb3_engine_resources.server.on_server import DIRECTORY
from influxdb3_engine_resources.server.retry import is_unsettled, with_retries

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from influxdb3_engine_resources.inputs import Properties
    from influxdb3_engine_resources.program import Program
    from influxdb3_engine_resources.server.engine import Engine
    from influxdb3_engine_resources.server.host import Host

_ONLY_FOR_US = frozenset({"trigger_name", "adopt", "expected_sha256", "manifest"})
_MODIFIED = "modified"


class PluginFileInputs(Inputs):
    """A plugin file as a program declares it."""

    derived: ClassVar[frozenset[str]] = frozenset({"plugin_filename", "content_sha256", "hosts"})
    flags: ClassVar[frozenset[str]] = frozenset({"adopt", "delete_on_destroy"})

    plugin_name: PluginPath
    content: str
    trigger_name: TriggerName | None = None
    test: list[DryRunInputs] | None = None
    expected_sha256: str | None = None
    manifest: ManifestFacts | None = None
    adopt: bool = False
    delete_on_destroy: bool = False
    plugin_filename: str | None = None
    content_sha256: str | None = None
    hosts: list[str] | None = None
    """Further hosts; a new one makes an update, which writes the file there."""

    @property
    def label(self) -> str:
        """The file in messages."""
        return f"plugin file {self.plugin_name!r}{self.on_engine}"

    @property
    def candidates(self) -> str:
        """Directory on the server for dry runs of new content."""
        return f"{DIRECTORY}/candidates/{re.sub('[^A-Za-z0-9]+', '_', self.plugin_name)}"


class PluginFileLogic(ResourceLogic[PluginFileInputs]):
    """Plugin files (contract 1.7)."""

    inputs_type = PluginFileInputs

    def identity(self, inputs: PluginFileInputs) -> Hashable:
        """The path."""
        return ("file", inputs.plugin_name)

    def check(self, inputs: PluginFileInputs, program: Program) -> PluginFileInputs:
        """Compute the file name and the hash; refuse syntax errors and missing entry points."""
        derived: dict[str, Any] = {"plugin_filename": inputs.plugin_name, "content_sha256": UNKNOWN}
        derived["hosts"] = program.configuration.further_urls
        if inputs.known("content"):
            derived["content_sha256"] = sha256(inputs.content)
            refuse_unexpected_code(inputs.expected_sha256, derived["content_sha256"])
            if inputs.known("plugin_name") and inputs.plugin_name.endswith(".py"):
                try:
                    source = parse_file(inputs.plugin_name, inputs.content)
                except PluginSourceError as error:
                    raise InvalidInputs([Failure(property="content", reason=str(error))]) from None
                program.sources.declare(inputs.plugin_name, with_triggers(source, inputs.manifest))
                if inputs.known("test") and (failures := missing_entry_points(inputs.test or [], source)):
                    raise InvalidInputs(failures)
            if inputs.known("plugin_name"):
                refuse_other_code(program, inputs.plugin_name, derived["content_sha256"], f"the {inputs.label}")
                program.contents[inputs.plugin_name] = {inputs.plugin_name: inputs.content}
        elif inputs.known("plugin_name"):
            program.unknown_code.add(inputs.plugin_name)
        if inputs.known("plugin_name"):
            program.files.add(inputs.plugin_name)
        return inputs.model_copy(update=derived)

    def check_online(self, inputs: PluginFileInputs, state: PluginFileInputs | None, engine: Engine) -> None:
        """Refuse a file that exists with other content, and hosts that take no files; show what ``adopt`` changes."""
        if not inputs.known("plugin_name", "content") or (state is not None and state.content == inputs.content):
            return
        absent, differing = self._found(inputs, engine)
        if engine.configuration.online_checks:
            preview_releases(inputs.manifest, engine)
            refuse_where_locked([*absent, *differing], "plugin_name", lambda facts: facts.refuses_files())
        if state is not None:
            return
        if differing and not engine.adopts(inputs):
            raise InvalidInputs([Failure(property="plugin_name", reason=_conflict(inputs, differing))])
        for host in differing if engine.adopts(inputs) is True else ():  # adopt may be unknown
            file = host.probe.ask(files=[inputs.plugin_name]).files[inputs.plugin_name]
            before = ((file and file.text) or "").splitlines()
            changes = [line[0] for line in ndiff(before, inputs.content.splitlines()) if line[0] in "+-"]
            # does not show the lines: they may be secret
            notice(
                f"{inputs.label} on {host.url} will be adopted: {changes.count('-')} of its {len(before)} lines are "
                f"removed, {changes.count('+')} lines are added"
            )

    def diff(self, state: PluginFileInputs, inputs: PluginFileInputs) -> Difference:
        """Another name is another file."""
        changed = state.changed(inputs, _ONLY_FOR_US)
        renamed = "plugin_name" in changed
        return Difference(bool(changed), ("plugin_name",) if renamed else (), delete_before_replace=True)

    def create(self, inputs: PluginFileInputs, engine: Engine) -> Created:
        """Write the file: one request for each host, after one for each host that a deployment shares.

        The shared request finds somebody else's file of that name: the API would overwrite it.
        """
        refuse_other_releases(inputs.manifest, inputs.label, engine)
        absent, differing = self._found(inputs, engine)
        if differing and not engine.adopts(inputs):
            raise ResourceError(_conflict(inputs, differing))
        self._pass_tests(inputs, engine, "written")
        if differing:
            notice(f"{inputs.label} on {_urls(differing)} is adopted: its content is replaced")
        self._write(inputs, [*absent, *differing], "written")
        return Created(inputs.plugin_name)

    def read(self, state: PluginFileInputs, outputs: Properties, engine: Engine) -> Live[PluginFileInputs] | None:
        """Read the content with the probe: an edit by hand shows as a diff of code."""
        found = drift(engine.hosts, {state.plugin_name: state.content}, outputs.get(_MODIFIED, {}))
        outputs = {_MODIFIED: found.modified} if found.modified else {}
        content = found.files.get(state.plugin_name, state.content)
        if content is None:
            return None
        return Live(state.model_copy(update={"content": content, "content_sha256": sha256(content)}), outputs)

    def update(self, state: PluginFileInputs, inputs: PluginFileInputs, engine: Engine) -> Properties:
        """Pass the dry runs, then overwrite the file: by POST, or by PUT if ``trigger_name`` is set."""
        changed = state.changed(inputs, _ONLY_FOR_US | {"delete_on_destroy"})
        if changed:
            refuse_other_releases(inputs.manifest, inputs.label, engine)
            self._pass_tests(inputs, engine, "changed")
        if changed & {"content", "hosts"}:
            self._write(inputs, engine.hosts, "changed", None if inputs.trigger_name is None else _overwrite(inputs))
        if "content" in changed and state.content_sha256:
            engine.code.replaced[inputs.plugin_name] = Code(state.content_sha256, {state.plugin_name: state.content})
        return {}

    def delete(self, state: PluginFileInputs, engine: Engine) -> None:
        """Remove the file if ``retain`` is False; otherwise it stays, with a notice."""
        engine.helper_files.leave(state.candidates)
        if state.delete_on_destroy:
            remove_files(engine, state.label, [state.plugin_name, state.candidates])
        elif state.plugin_name not in engine.program.files:
            notice(
                f"{state.label} stays on the server, since its API cannot delete it; retain=False deletes it on destroy"
            )

    def make_way(self, state: PluginFileInputs, successor: PluginFileInputs, engine: Engine) -> None:
        """Give the file up: a successor of the same name overwrites it, so that no trigger lacks it in between."""
        for host in engine.hosts:
            host.give_up_files([state.plugin_name])
        if state.plugin_name == successor.plugin_name:
            return
        if state.delete_on_destroy:
            remove_files_later(engine, state.label, [state.plugin_name, state.candidates])
        else:
            self.delete(state, engine)

    def _found(self, inputs: PluginFileInputs, engine: Engine) -> tuple[list[Host], list[Host]]:
        """Hosts that lack the file, and hosts that have it with other content."""
        absent, differing = [], []
        for host in engine.hosts:
            hashes = existing_hashes(host, inputs.label, [inputs.plugin_name])
            if inputs.plugin_name not in hashes:
                absent.append(host)
            elif hashes[inputs.plugin_name] != sha256(inputs.content):
                differing.append(host)
        return absent, differing

    def _pass_tests(self, inputs: PluginFileInputs, engine: Engine, change: str) -> None:
        if not inputs.test:
            return
        candidate = f"{inputs.candidates}/{sha256(inputs.content)[:12]}.py"
        try:
            Gate(engine, inputs.test).check_file(candidate, inputs.content)
        except ResourceError as error:
            raise ResourceError(f"{inputs.label} was not {change}: {error}") from error

    def _write(
        self,
        inputs: PluginFileInputs,
        hosts: Sequence[Host],
        change: str,
        apply: Callable[[Host], None] | None = None,
    ) -> None:
        try:
            FileChange(hosts, {inputs.plugin_name: inputs.content}, apply).carry_out()
        except ResourceError as error:
            raise ResourceError(f"{inputs.label} was not {change}: {error}") from error


def _overwrite(inputs: PluginFileInputs) -> Callable[[Host], None]:
    """A function that writes the file through its trigger."""
    name, content = inputs.trigger_name or "", inputs.content

    def overwrite(host: Host) -> None:
        if not host.plugin_table.runs(name, inputs.plugin_name):
            notice(f"{inputs.label} is written by POST on {host.url}, since trigger {name!r} does not run it")
            host.write_file(inputs.plugin_name, content)
            return
        with_retries(lambda: host.client.update_plugin_file(name, content), retry_on=is_unsettled)
        host.probe.note(inputs.plugin_name, sha256(content))

    return overwrite


def _conflict(inputs: PluginFileInputs, hosts: Sequence[Host]) -> str:
    how = f" and differs from the program's, on {_urls(hosts)}; adopting overwrites it"
    return exists_already(inputs.label, how, "choose another plugin_name")


def _urls(hosts: Sequence[Host]) -> str:
    return ", ".join(host.url for host in hosts)
