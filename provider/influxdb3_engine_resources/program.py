"""What a program declares, so that its resources can be checked against each other.

One provider process serves one deployment of one stack. Pulumi checks resources in the order of their dependencies.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

from influxdb3_engine_resources.inputs import UNKNOWN, Unknown
from influxdb3_engine_resources.packages.declared import DeclaredPackages
from influxdb3_engine_resources.plugins.source import KnownSources
from influxdb3_engine_resources.triggers.request_paths import DeclaredPaths

if TYPE_CHECKING:
    from influxdb3_engine_resources.configuration import Configuration
    from influxdb3_engine_resources.inputs import Inputs, Properties
    from influxdb3_engine_resources.triggers.request_paths import Owner

Identity = Hashable
"""What ``ResourceLogic.identity`` returns."""
Key = TypeVar("Key")
Value = TypeVar("Value")


class Declared(Generic[Key, Value]):
    """What the resources of one program declare under keys; finds two that contradict each other."""

    def __init__(self) -> None:
        self._values: dict[Key, Value] = {}
        self._guard = threading.Lock()

    def declare(self, key: Key, value: Value) -> Value | None:
        """Declare a value under a key; return another value that is declared there already, or None."""
        with self._guard:
            other = self._values.setdefault(key, value)
        return None if other == value else other

    def get(self, key: Key) -> Value | None:
        """What is declared under a key, or None."""
        with self._guard:
            return self._values.get(key)


class Replacements:
    """Which resource of the program takes the place of which resource of an earlier deployment.

    Pulumi does not tell a provider which resource replaces another one. The resources that were checked tell it.
    """

    def __init__(self) -> None:
        self._declared: dict[Identity, Inputs] = {}
        self._successors: dict[Identity, Inputs] = {}
        self._states: dict[Identity, Inputs] = {}

    def declare(self, identity: Identity, inputs: Inputs) -> None:
        """Note a resource of the program."""
        self._declared[identity] = inputs

    def succeed(self, before: Identity, state: Inputs, now: Identity, inputs: Inputs) -> None:
        """Note a resource of the program that an earlier deployment has made as ``state``."""
        self._successors[before] = inputs
        self._states[now] = state

    @property
    def is_empty(self) -> bool:
        """Whether the program declares nothing."""
        return not self._declared

    def successor(self, identity: Identity) -> Inputs | None:
        """What the program declares in the place of a resource, or None if it declares nothing there."""
        return self._successors.get(identity) or self._declared.get(identity)

    def predecessor(self, identity: Identity) -> Inputs | None:
        """The earlier state of a declared resource, or None if it is new or its state is unknown.

        Pulumi does not pass the state if a replacement is forced (``--replace``, ``state taint``).
        """
        return self._states.get(identity)


class Program:
    """What the resources of one server that were checked so far declare; safe to share between threads.

    Args:
        configuration: The server's configuration.

    Attributes:
        configuration: The server's configuration.
        is_running: Whether any resource of the stack was checked; the configuration is the current one then.
        sources: Plugins by the file name that triggers use.
        files: Plugin files and directories that resources of the program write.
        code: Plugin file, or directory that is written in place, to the hash of its content.
        contents: Plugin file, or directory that is written in place, to the texts of its files by their paths below the
            plugin directory.
        unknown_code: Plugin files, and directories that are written in place, with content that is unknown yet.
        databases: Names of databases.
        triggers: Trigger to its properties.
        new_triggers: Triggers that do not exist yet; each value is a unique object, so that a second declaration of
            one trigger always conflicts.
        given_up: Triggers of an earlier deployment that are deleted before triggers that are checked later are created.
        paths: Request paths of the enabled triggers.
        packages: Requirements of the package sets.
        replacements: Which resource takes the place of which.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.is_running = False
        self.sources = KnownSources()
        self.files: set[str] = set()
        self.code: Declared[str, str] = Declared()
        self.contents: dict[str, dict[str, str]] = {}
        self.unknown_code: set[str] = set()
        self.databases: set[str] = set()
        self.triggers: Declared[Owner, Properties] = Declared()
        self.new_triggers: Declared[Owner, object] = Declared()
        self.given_up: set[Owner] = set()
        self.paths = DeclaredPaths()
        self.packages = DeclaredPackages()
        self.replacements = Replacements()

    def code_sha256(self, plugin_filename: str) -> str | Unknown | None:
        """Hash of the code of a plugin whose file name does not depend on its code; None if the program lacks it."""
        name = plugin_filename.rstrip("/")
        return self.code.get(name) or (UNKNOWN if name in self.unknown_code else None)


_programs: dict[Configuration, Program] = {}
_guard = threading.Lock()


def program(configuration: Configuration) -> Program:
    """The program with a configuration; all resources and threads of a process share it."""
    with _guard:
        if configuration not in _programs:
            _programs[configuration] = Program(configuration)
        return _programs[configuration]
