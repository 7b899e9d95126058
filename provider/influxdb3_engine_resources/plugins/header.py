"""The header of a plugin: the JSON in its docstring that says which triggers and arguments it takes.

The format is that of InfluxData's plugin library, ``REQUIRED_PLUGIN_METADATA``.
"""

from __future__ import annotations

import ast
import difflib
import json
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, StrictBool, StrictFloat, StrictInt, StrictStr, ValidationError

from influxdb3_engine_api import PluginType
from influxdb3_engine_api.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS = {PluginType.WAL: "onwrite", PluginType.SCHEDULE: "scheduled", PluginType.REQUEST: "http"}
CONFIG_FILE = "config_file_path"
"""The argument that names a file from which a plugin reads its arguments instead."""
_LONGEST_TEXT = 300
_LONGEST_NAME = 100


class Argument(BaseModel):
    """An argument as a header describes it."""

    name: StrictStr
    example: StrictStr | StrictBool | StrictInt | StrictFloat = ""
    description: StrictStr = ""
    required: StrictBool = False


class Header(BaseModel):
    """What a plugin says of itself; the lists are ``None`` for kinds of triggers whose arguments it does not list."""

    plugin_type: list[StrictStr]
    onwrite_args_config: list[Argument] | None = None
    scheduled_args_config: list[Argument] | None = None
    http_args_config: list[Argument] | None = None

    def takes(self, plugin_type: PluginType) -> bool:
        """Whether it names this kind of trigger."""
        return _KINDS[plugin_type] in self.plugin_type

    def arguments(self, plugin_type: PluginType) -> list[Argument] | None:
        """The arguments of one kind of trigger; ``None`` if they are not listed."""
        listed: list[Argument] | None = getattr(self, f"{_KINDS[plugin_type]}_args_config")
        return listed


class ArgumentProblems(NamedTuple):
    """How the arguments of a trigger differ from those that a header lists.

    Attributes:
        missing: One text for each required argument that is not set.
        unknown: One text for each argument that the header does not list.
    """

    missing: list[str]
    unknown: list[str]


def read_header(module: ast.Module) -> tuple[Header | None, str | None]:
    """The header of a plugin.

    Returns:
        The header, or ``None`` if the plugin has none that can be read; and what is wrong with a docstring that begins
        with a brace and is no header.
    """
    docstring = ast.get_docstring(module, clean=False)
    if docstring is None or not docstring.lstrip().startswith("{"):
        return None, None
    try:
        return Header.model_validate(json.loads(docstring)), None
    except ValidationError as error:
        first = error.errors()[0]
        return None, f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (ValueError, RecursionError) as error:
        return None, f"it is not JSON: {error}"


def argument_problems(header: Header, plugin_type: PluginType, arguments: Mapping[str, object]) -> ArgumentProblems:
    """Compare the names of a trigger's arguments with those that a header lists; values are not looked at.

    Args:
        header: The plugin's header.
        plugin_type: The kind of the trigger.
        arguments: The trigger's arguments.
    """
    listed = header.arguments(plugin_type)
    if listed is None:
        return ArgumentProblems([], [])
    missing = [_missing(each) for each in listed if each.required and each.name not in arguments]
    names = [each.name for each in listed]
    unknown = [_unknown(name, names) for name in arguments if name not in names and names]
    return ArgumentProblems([] if CONFIG_FILE in arguments else missing, unknown)


def _missing(argument: Argument) -> str:
    name = shown(argument.name, longest=_LONGEST_NAME)
    description = f": {shown(argument.description, longest=_LONGEST_TEXT)}" if argument.description else ""
    example = "" if argument.example == "" else f" Example: {shown(str(argument.example), longest=_LONGEST_TEXT)!r}"
    return f"the plugin requires the argument {name!r}{description}{example}"


def _unknown(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    known = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, names))}"
    return f"the plugin's header has no argument {name!r}: {shown(known, longest=_LONGEST_TEXT)}"
