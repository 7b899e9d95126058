"""Describes the engine's API as an OpenAPI 3.1 document.

The descriptions come from the table of routes, the models, and the docstrings of the operations.
"""

from __future__ import annotations

import re
from inspect import getdoc
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter

from influxdb3_embedded.errors import ErrorBody
from influxdb3_embedded.http.routes.health import API_VERSION
from influxdb3_engine_api import paths

if TYPE_CHECKING:
    from collections.abc import Iterable

    from influxdb3_embedded.http.route import Route

Json = dict[str, Any]

_JSON = "application/json"
_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
_CITATION = re.compile(r" \(contract [^)]*\)")
_TOKEN_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic", "description": "The token is the password."},
}


def document(routes: Iterable[Route[Any]], *, tokens: bool) -> Json:
    """Describe the API.

    Args:
        routes: The operations.
        tokens: Whether the engine needs a token.
    """
    schemas = _Schemas()
    operations: dict[str, Json] = {}
    for route in routes:
        path = re.sub(r"\*$", "{request_path}", route.path)
        operation = _operation(route, schemas)
        if tokens and route.path == paths.TOKEN_ADMIN:
            operation["security"] = []
        operations.setdefault(path, {})[route.method.lower()] = operation
    described: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "InfluxDB 3 Processing engine, embedded",
            "version": API_VERSION,
            "summary": "The API of InfluxDB 3's Processing engine, with writes, queries, databases, tables and tokens.",
        },
        "paths": operations,
        "components": {"schemas": schemas.components},
    }
    if tokens:
        described["security"] = [{scheme: []} for scheme in _TOKEN_SCHEMES]
        described["components"]["securitySchemes"] = _TOKEN_SCHEMES
    return described


class _Schemas:
    """Makes JSON schemas of types. Models become components."""

    def __init__(self) -> None:
        self.components: dict[str, Json] = {}

    def of(self, type_: Any) -> Json:
        schema = TypeAdapter(type_).json_schema(ref_template="#/components/schemas/{model}")
        self.components.update({name: _explain(model) for name, model in schema.pop("$defs", {}).items()})
        if not (isinstance(type_, type) and issubclass(type_, BaseModel)):
            return schema
        self.components[type_.__name__] = _explain(schema)
        return {"$ref": f"#/components/schemas/{type_.__name__}"}

    def parameters(self, model: type[BaseModel]) -> list[Json]:
        schema = _explain(model.model_json_schema())
        return [
            {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": _in_query(member)}
            for name, member in schema["properties"].items()
        ]


def _operation(route: Route[Any], schemas: _Schemas) -> Json:
    operation: Json = {
        "operationId": route.method.lower() + "".join(word.title() for word in re.findall(r"[A-Za-z0-9]+", route.path)),
        "summary": (getdoc(route.handler) or "").partition("\n")[0],
        "tags": [route.handler.__module__.rpartition(".")[2]],
        "responses": _responses(route, schemas),
    }
    parameters = schemas.parameters(route.takes.query) if route.takes.query else []
    if route.path.endswith("*"):
        parameters.append({"name": "request_path", "in": "path", "required": True, "schema": {"type": "string"}})
    if parameters:
        operation["parameters"] = parameters
    if route.takes.body:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": schemas.of(route.takes.body)}}}
    elif route.takes.raw_body:
        content = {"text/plain": {"schema": {"type": "string"}}}
        operation["requestBody"] = {"description": route.takes.raw_body, "content": content}
    return operation


def _responses(route: Route[Any], schemas: _Schemas) -> Json:
    content = {name: {"schema": schemas.of(type_)} for name, type_ in route.answer.content.items()}
    if route.answer.status is None:
        return {"default": {"description": "The answer of the plugin, or an error of the engine.", "content": content}}
    success: Json = {"description": "Success."} | ({"content": content} if content else {})
    error = {
        "description": "The request failed; `error` says why.",
        "content": {_JSON: {"schema": schemas.of(ErrorBody)}},
    }
    return {str(route.answer.status): success, "4XX": error, "5XX": error}


def _explain(schema: Json) -> Json:
    """The schema of a model, with the "Attributes" of the model's docstring as descriptions of its members."""
    text, _, attributes = schema.get("description", "").partition("\n\nAttributes:\n")
    explanations = {name: _markdown(" ".join(lines.split())) for name, lines in _ATTRIBUTE.findall(attributes)}
    members = schema.get("properties", {})
    explained: Json = {
        name: {key: value for key, value in member.items() if key != "title"}
        | ({"description": explanations[name]} if name in explanations else {})
        for name, member in members.items()
    }
    return schema | {"description": _markdown(text)} | ({"properties": explained} if members else {})


def _markdown(text: str) -> str:
    return _CITATION.sub("", text).replace("``", "`")


def _in_query(member: Json) -> Json:
    """The schema of a query parameter: a member that may be null becomes an optional parameter."""
    options = [option for option in member.get("anyOf", ()) if option != {"type": "null"}]
    described = {key: value for key, value in member.items() if key not in ("anyOf", "title")}
    if described.get("default", ...) is None:
        del described["default"]
    return described | (options[0] if len(options) == 1 else {"anyOf": options} if options else {})
