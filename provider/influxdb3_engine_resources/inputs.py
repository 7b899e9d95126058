"""Inputs of resources: pydantic models that accept values which Pulumi does not know yet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from influxdb3_engine_resources.errors import Failure, InvalidInputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

_EXPECTED = {
    "string_type": "a text",
    "bool_type": "True or False",
    "int_type": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a mapping",
}
_LIMITS = {
    "greater_than": "a number above {gt:g} is needed",
    "greater_than_equal": "a number of at least {ge:g} is needed",
    "less_than_equal": "a number of at most {le:g} is needed",
    "finite_number": "a number that is neither infinite nor NaN is needed",
}
_FOUND = ((bool, "a boolean"), (str, "a text"), (int | float, "a number"), (list, "a list"), (dict, "a mapping"))


class Unknown:
    """A value that is unknown during a preview, such as an output of a resource that does not exist yet."""

    def __repr__(self) -> str:
        return "UNKNOWN"


Properties = dict[str, Any]
"""Values by property name, as Pulumi and state files hold them."""

UNKNOWN = Unknown()
_STORED = object()


def is_known(value: Any) -> bool:
    """Whether a value is known, with everything inside it."""
    if isinstance(value, dict):
        return all(map(is_known, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_known, value))
    return not isinstance(value, Unknown)


def is_stored(info: ValidationInfo) -> bool:
    """Whether a value comes from a state file: another release may have written it."""
    return info.context is _STORED


class Inputs(BaseModel):
    """Base of all inputs. Ignores members that a newer release stored in a state file."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, arbitrary_types_allowed=True)

    derived: ClassVar[frozenset[str]] = frozenset()
    """Properties that ``check`` computes; a program cannot set them."""

    flags: ClassVar[frozenset[str]] = frozenset()
    """Properties that are left out while they are false: Pulumi writes the whole state at every step."""

    state_only: ClassVar[frozenset[str]] = frozenset({"cluster_uuid"})
    """Properties that exist only in state files: they are never compared."""

    engine: str | None = None
    """Name of the server in ``influxdb3:engines``; None for the stack's default server."""
    host_url: str | None = None
    """Base URL of the server that has the resource; None in state files from before release 0.2."""
    cluster_uuid: str | None = None
    """Identity of that server; None if the server states none."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _unknown_passes(cls, value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        if not is_known(value):
            return value
        try:
            return handler(value)
        except ValidationError:
            if is_stored(info):
                return value
            raise

    @classmethod
    def stored(cls, properties: Mapping[str, Any]) -> Self:
        """The inputs in a state file. Keeps invalid values: somebody may have set them by hand.

        Raises:
            InvalidInputs: The state lacks a property.
        """
        try:
            return cls.model_validate(dict(properties), context=_STORED)
        except ValidationError as error:
            raise InvalidInputs([_failure(details) for details in error.errors(include_url=False)]) from None

    @classmethod
    def checked(cls, properties: Mapping[str, Any]) -> Self:
        """The inputs that a program sets.

        Raises:
            InvalidInputs: Names every invalid property. Does not repeat values, since they may be secret.
        """
        computed = cls.derived | cls.state_only | {"host_url"}
        given = {name: value for name, value in properties.items() if name not in computed}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise InvalidInputs([_failure(details) for details in error.errors(include_url=False)]) from None

    def properties(self) -> dict[str, Any]:
        """These inputs as properties; those without a value are left out."""
        values = {name: _plain(getattr(self, name)) for name in type(self).model_fields if name not in self.state_only}
        return {
            name: value
            for name, value in values.items()
            if value is not None and not (value is False and name in self.flags)
        }

    @property
    def on_engine(self) -> str:
        """The engine in messages; an empty text for the default server."""
        return f" on engine {self.engine!r}" if self.engine else ""

    def known(self, *names: str) -> bool:
        """Whether all these properties are known."""
        return all(is_known(getattr(self, name)) for name in names)

    def changed(self, other: Self, ignore: frozenset[str] = frozenset()) -> set[str]:
        """Names of the properties that differ; an unknown one counts as different.

        ``Located`` compares the server; this method does not.
        """
        mine, others = self.properties(), other.properties()
        uncompared = ignore | self.state_only | {"engine", "host_url"}
        return {
            name
            for name in type(self).model_fields
            if name not in uncompared and (mine.get(name) != others.get(name) or not is_known(mine.get(name)))
        }


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple):
        return list(value)
    return value


def _failure(details: ErrorDetails) -> Failure:
    path = str(details["loc"][0]) if details["loc"] else "inputs"
    for part in details["loc"][1:]:
        if part != "[key]":
            path += f".{part}" if str(part).isidentifier() else f"[{json.dumps(part)}]"
    return Failure(property=path, reason=_reason(details))


def _reason(details: ErrorDetails) -> str:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "missing":
        return "a value is required"
    if kind == "extra_forbidden":
        return "there is no such property"
    if kind in ("enum", "literal_error"):
        return f"{context['expected']} is needed"
    # programs know WatchInputs as Watch
    expected = f"{context['class_name'].removesuffix('Inputs')}(...)" if kind == "model_type" else _EXPECTED.get(kind)
    if expected is not None:
        found = next((name for type_, name in _FOUND if isinstance(value, type_)), "nothing")
        return f"{expected} is needed, not {found}"
    if kind in _LIMITS:
        return _LIMITS[kind].format(**context)
    return details["msg"].removeprefix("Value error, ")
