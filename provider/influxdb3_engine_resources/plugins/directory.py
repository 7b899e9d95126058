"""The logic of plugin directories. Names hold a hash of the content, so that no trigger sees half a change."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_resources.conflicts import exists_already
from influxdb3_engine_resources.errors import (
    DryRunsOff,
    Failure,
    InvalidInputs,
    ProbeFailed,
    ResourceError,
    SweepFailed,
)
from influxdb3_engine_resources.inputs import UNKNOWN, Inputs
from influxdb3_engine_resources.names import PluginDirectoryName, TriggerName, plugin_path
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
from influxdb3_engine_resources.plugins.source import PluginSourceError, parse_directory
from influxdb3_engine_resources.properties import files_property
from influxdb3_engine_resources.resource import Created, Difference, Live, ResourceLogic
from influxdb3_engine_resources.server.host import refuse_where_locked, sha256
from influxdb3_engine_resources.server.on_server import DIRECTORY
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.server.retry import is_unsettled, with_retries

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from influxdb3_engine_resources.inputs import Properties
    from influxdb3_engine_resources.program import Program
    from influxdb3_engine_resources.server.engine import Engine
    from influxdb3_engine_resources.server.host import Host

_ENTRY = "__init__.py"
_ONLY_FOR_US = frozenset({"trigger_name", "adopt", "expected_sha256", "manifest"})
_MODIFIED = "modified"


def files_sha256(files: Mapping[str, str]) -> str:
    """SHA-256 over the paths and contents of a directory in hexadecimal."""
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()


def _file_path(path: str) -> str:
    plugin_path(path.removeprefix("./"))
    return path


class PluginDirectoryInputs(Inputs):
    """A plugin directory as a program declares it; ``files`` maps ``./PATH`` to the text of the file."""

    derived: ClassVar[frozenset[str]] = frozenset({"plugin_filename", "content_sha256", "hosts"})
    flags: ClassVar[frozenset[str]] = frozenset({"adopt", "delete_on_destroy", "in_place"})
    state_only: ClassVar[frozenset[str]] = Inputs.state_only | {"superseded"}

    plugin_name: PluginDirectoryName
    files: dict[Annotated[str, AfterValidator(_file_path)], str]
    in_place: bool = False
    trigger_name: TriggerName | None = None
    test: list[DryRunInputs] | None = None
    expected_sha256: str | None = None
    manifest: ManifestFacts | None = None
    adopt: bool = False
    delete_on_destroy: bool = False
    plugin_filename: str | None = None
    content_sha256: str | None = None
    hosts: list[str] | None = None
    superseded: list[str] | None = None
    """Directories of earlier updates, to remove as soon as no trigger runs them."""

    @property
    def label(self) -> str:
        """The directory in messages."""
        return f"plugin directory {self.plugin_filename!r}{self.on_engine}"

    @property
    def contents(self) -> dict[str, str]:
        """Path below the directory to the text of the file."""
        return {path.removeprefix("./"): content for path, content in self.files.items()}

    @property
    def candidates(self) -> str:
        """Directory on the server for dry runs of files that are then written in place."""
        return f"{DIRECTORY}/candidates/{self.plugin_name}"

    @property
    def directories(self) -> list[str]:
        """All directories of this resource on the server."""
        return [str(self.plugin_filename), *(self.superseded or []), self.candidates]

    def below(self, directory: str) -> dict[str, str]:
        """Path below the plugin directory to the text of the file.

        ``__init__.py`` comes last: without it the server does not run the directory, so none runs half-written.
        """
        contents = self.contents
        return {f"{directory}/{name}": contents[name] for name in sorted(contents, key=lambda n: (n == _ENTRY, n))}


class PluginDirectoryLogic(ResourceLogic[PluginDirectoryInputs]):
    """Plugin directories (contract 1.7, 4.2)."""

    inputs_type = PluginDirectoryInputs

    def identity(self, inputs: PluginDirectoryInputs) -> Hashable:
        """The name without the hash of the content."""
        return ("directory", inputs.plugin_name)

    def check(self, inputs: PluginDirectoryInputs, program: Program) -> PluginDirectoryInputs:
        """Compute the hash and the directory's name; refuse syntax errors and missing entry points."""
        inputs = inputs.model_copy(update={"hosts": program.configuration.further_urls})
        if inputs.known("in_place", "trigger_name") and inputs.in_place and inputs.trigger_name is None:
            reason = "in_place=True replaces the files through the trigger that runs them: set trigger_name"
            raise InvalidInputs([Failure(property="trigger_name", reason=reason)])
        if not inputs.known("files"):
            if inputs.known("plugin_name", "in_place") and inputs.in_place:
                program.unknown_code.add(inputs.plugin_name)
            return inputs.model_copy(update={"plugin_filename": UNKNOWN, "content_sha256": UNKNOWN})
        try:
            source = parse_directory(inputs.contents)
        except PluginSourceError as error:
            raise InvalidInputs([Failure(property="files", reason=str(error))]) from None
        if inputs.known("test") and (failures := missing_entry_points(inputs.test or [], source)):
            raise InvalidInputs(failures)
        digest = files_sha256(inputs.contents)
        refuse_unexpected_code(inputs.expected_sha256, digest)
        if not inputs.known("plugin_name", "in_place"):
            return inputs.model_copy(update={"plugin_filename": UNKNOWN, "content_sha256": digest})
        directory = inputs.plugin_name if inputs.in_place else f"{inputs.plugin_name}_{digest[:12]}"
        if inputs.in_place is True:
            refuse_other_code(program, directory, digest, f"the plugin directory {directory!r}")
            program.contents[directory] = inputs.below(directory)
        program.sources.declare(directory, with_triggers(source, inputs.manifest))
        program.files |= {directory, *inputs.below(directory)}
        return inputs.model_copy(update={"plugin_filename": directory, "content_sha256": digest})

    def check_online(self, inputs: PluginDirectoryInputs, state: PluginDirectoryInputs | None, engine: Engine) -> None:
        """Refuse hosts that take no files, and to overwrite somebody else's directory in place."""
        if not inputs.known("plugin_filename", "files"):
            return
        if state is not None and state.plugin_filename == inputs.plugin_filename and state.files == inputs.files:
            return
        if engine.configuration.online_checks:
            preview_releases(inputs.manifest, engine)
            behind = self._outdated_hosts(inputs, engine.hosts, str(inputs.plugin_filename))
            refuse_where_locked(behind, "plugin_name", lambda facts: facts.refuses_files())
        if state is None and inputs.in_place and not engine.adopts(inputs):
            conflict = self._conflict(inputs, engine)
            if conflict:
                raise InvalidInputs([Failure(property="plugin_name", reason=conflict)])

    def diff(self, state: PluginDirectoryInputs, inputs: PluginDirectoryInputs) -> Difference:
        """Another name is another directory; other files are an update."""
        changed = state.changed(inputs, _ONLY_FOR_US)
        renamed = "plugin_name" in changed
        return Difference(bool(changed), ("plugin_name",) if renamed else (), delete_before_replace=True)

    def create(self, inputs: PluginDirectoryInputs, engine: Engine) -> Created:
        """Write the files: one request for each file and host, after one for each host that a deployment shares."""
        if inputs.in_place and not engine.adopts(inputs):
            conflict = self._conflict(inputs, engine)
            if conflict:
                raise ResourceError(conflict)
        self._deploy(inputs, engine, through_trigger=False)
        before = engine.replaced.get(self.identity(inputs))
        if isinstance(before, PluginDirectoryInputs):
            self._remove_stale(before, inputs, engine)
        return Created(inputs.plugin_name)

    def read(
        self, state: PluginDirectoryInputs, outputs: Properties, engine: Engine
    ) -> Live[PluginDirectoryInputs] | None:
        """Read the files with the probe: an edit by hand shows as a diff of code."""
        declared = state.below(str(state.plugin_filename))
        found = drift(engine.hosts, declared, outputs.get(_MODIFIED, {}), directory=state.plugin_filename)
        outputs = {_MODIFIED: found.modified} if found.modified else {}
        outputs |= {"superseded": state.superseded} if state.superseded else {}
        now = declared | found.files
        left = {path.removeprefix(f"{state.plugin_filename}/"): text for path, text in now.items() if text is not None}
        if not left:
            return None
        live: dict[str, Any] = {"superseded": None}
        if found.files:
            live |= {"files": files_property(left), "content_sha256": files_sha256(left)}
        return Live(state.model_copy(update=live), outputs)

    def update(self, state: PluginDirectoryInputs, inputs: PluginDirectoryInputs, engine: Engine) -> Properties:
        """Write new files to a new directory, or with ``in_place`` to the old one. Triggers are swapped afterwards."""
        if state.changed(inputs, _ONLY_FOR_US | {"delete_on_destroy"}):
            self._deploy(inputs, engine, through_trigger=inputs.in_place)
            self._remove_stale(state, inputs, engine)
            if state.plugin_filename == inputs.plugin_filename and state.content_sha256 != inputs.content_sha256:
                directory = str(inputs.plugin_filename)
                engine.code.replaced[directory] = Code(str(state.content_sha256), state.below(directory))
        if not inputs.delete_on_destroy:
            return {}
        older = [name for name in state.superseded or [] if name != inputs.plugin_filename]
        left = remove_files(engine, inputs.label, older) if older else []
        # the trigger is swapped after this update and runs the old directory until then: the next update removes it
        if state.plugin_filename not in {inputs.plugin_filename, None}:
            left.append(str(state.plugin_filename))
        return {"superseded": left} if left else {}

    def delete(self, state: PluginDirectoryInputs, engine: Engine) -> None:
        """Remove the directories if ``retain`` is False; otherwise they stay, with a notice."""
        engine.helper_files.leave(state.candidates)
        if state.delete_on_destroy:
            remove_files(engine, state.label, state.directories)
        elif state.plugin_filename not in engine.program.files:
            notice(
                f"{state.label} stays on the server, since its API cannot delete it; retain=False deletes it on destroy"
            )

    def make_way(self, state: PluginDirectoryInputs, successor: PluginDirectoryInputs, engine: Engine) -> None:
        """Give the directory up: a successor of the same name overwrites it, so that no trigger lacks it in between."""
        del successor
        for host in engine.hosts:
            host.give_up_files(state.below(str(state.plugin_filename)))
        if state.delete_on_destroy:
            remove_files_later(engine, state.label, state.directories)
        else:
            self.delete(state, engine)

    def _conflict(self, inputs: PluginDirectoryInputs, engine: Engine) -> str | None:
        """Why a directory cannot be written in place, since somebody else has one of that name; or None."""
        declared = inputs.below(str(inputs.plugin_filename))
        for host in engine.hosts:
            hashes = existing_hashes(host, inputs.label, declared)
            if any(sha != sha256(declared[path]) for path, sha in hashes.items()):
                how = f" on {host.url} and differs from the program's; adopting overwrites its files"
                return exists_already(inputs.label, how, "choose another plugin_name")
        return None

    def _deploy(self, inputs: PluginDirectoryInputs, engine: Engine, *, through_trigger: bool) -> None:
        """Write missing files and pass the dry runs: in this order if no trigger runs the directory yet."""
        refuse_other_releases(inputs.manifest, inputs.label, engine)
        if inputs.test and inputs.in_place:
            candidate = f"{inputs.candidates}/{inputs.plugin_name}_{files_sha256(inputs.contents)[:12]}"
            self._write(inputs, engine.hosts, candidate)
            self._pass_tests(inputs, engine, candidate)
        if through_trigger:
            self._replace(inputs, engine)
            return
        directory = str(inputs.plugin_filename)
        new = [host for host in engine.hosts if not existing_hashes(host, inputs.label, inputs.below(directory))]
        self._write(inputs, engine.hosts, directory)
        if inputs.test and not inputs.in_place:
            try:
                self._pass_tests(inputs, engine, directory)
            except ResourceError:
                _discard(new, directory)
                raise

    def _pass_tests(self, inputs: PluginDirectoryInputs, engine: Engine, directory: str) -> None:
        try:
            Gate(engine, inputs.test or []).check_directory(directory)
        except ResourceError as error:
            raise ResourceError(f"plugin directory {inputs.plugin_name!r} was not changed: {error}") from error

    def _write(self, inputs: PluginDirectoryInputs, hosts: Sequence[Host], directory: str) -> None:
        try:
            FileChange(self._outdated_hosts(inputs, hosts, directory), inputs.below(directory)).carry_out()
        except ResourceError as error:
            raise ResourceError(f"plugin directory {directory!r} was not written in full: {error}") from error

    def _outdated_hosts(self, inputs: PluginDirectoryInputs, hosts: Sequence[Host], directory: str) -> list[Host]:
        """Hosts that lack a file of a directory, or have it with other content."""
        contents = inputs.below(directory)
        behind = []
        for host in hosts:
            hashes = existing_hashes(host, inputs.label, contents)
            if any(hashes.get(path) != sha256(content) for path, content in contents.items()):
                behind.append(host)
        return behind

    def _remove_stale(self, state: PluginDirectoryInputs, inputs: PluginDirectoryInputs, engine: Engine) -> None:
        """Remove files that the program does not declare: it declared them before, or a refresh found them."""
        if state.plugin_filename != inputs.plugin_filename:
            return
        directory = str(inputs.plugin_filename)
        paths = state.below(directory).keys() - inputs.below(directory).keys()
        for host in engine.hosts if paths else ():
            try:
                if there := host.probe.hashes(paths):
                    host.remove_files(there)
            except DryRunsOff as error:
                notice(f"{', '.join(sorted(paths))} may stay on {host.url}, where plugins can import it: {error}")
            except (EngineApiError, ProbeFailed, SweepFailed) as error:
                raise ResourceError(
                    f"{inputs.label} on {host.url} still has {', '.join(sorted(paths))}, which the program does not "
                    f"declare: {with_remedy(error)}"
                ) from error

    def _replace(self, inputs: PluginDirectoryInputs, engine: Engine) -> None:
        """Replace the directory as a whole through its trigger, or file by file if the trigger does not run it."""
        name, contents = inputs.trigger_name or "", inputs.contents
        below = inputs.below(str(inputs.plugin_filename))

        def replace(host: Host) -> None:
            if not host.plugin_table.runs(name, f"{inputs.plugin_filename}/"):
                for path, content in below.items():
                    host.write_file(path, content)
                return
            with_retries(lambda: host.client.update_plugin_directory(name, contents), retry_on=is_unsettled)
            host.notice_once(
                "the server may run the old modules of a plugin directory that is written in place: restart the server"
            )
            host.probe.note(str(inputs.plugin_filename), None)
            for path, content in below.items():
                host.probe.note(path, sha256(content))

        try:
            FileChange(engine.hosts, below, replace, replaces=inputs.plugin_filename).carry_out()
        except ResourceError as error:
            raise ResourceError(f"{inputs.label} was not changed: {error}") from error


def _discard(hosts: Sequence[Host], directory: str) -> None:
    """Remove a directory that failed its dry runs; a failure to remove it is a notice."""
    for host in hosts:
        try:
            host.remove_files([directory])
        except (EngineApiError, ProbeFailed, SweepFailed) as error:
            notice(f"{directory} stays on {host.url}, and no trigger runs it: {with_remedy(error)}")
