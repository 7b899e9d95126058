"""All operations of the engine. ``app`` finds operations in this table; ``openapi`` describes them from it."""

from __future__ import annotations

from typing import Any

from influxdb3_embedded.http.requests.inputs import (
    any_body,
    json_body,
    json_body_or_query,
    line_protocol,
    nothing,
    query_or_json_body,
    query_string,
    untyped_json_body,
)
from influxdb3_embedded.http.requests.parameters import (
    CreatedToken,
    CreateNamedToken,
    DeleteDatabase,
    DeleteTable,
    DeleteToken,
    DeleteTrigger,
    ListDatabases,
    Query,
    QueryString,
    TriggerReference,
    WriteLp,
    WriteV1,
    WriteV2,
)
from influxdb3_embedded.http.route import Answer, Route
from influxdb3_embedded.http.routes import (
    databases,
    description,
    dry_runs,
    environment,
    health,
    plugins,
    queries,
    requests,
    tables,
    tokens,
    triggers,
    writes,
)
from influxdb3_embedded.sql import Format
from influxdb3_engine_api import paths
from influxdb3_engine_api.wire import (
    CreateDatabase,
    CreatePluginFile,
    CreateTable,
    CreateTrigger,
    DryRunResult,
    InstallPackages,
    InstallRequirements,
    ServerInfo,
    TestSchedulePlugin,
    TestWalPlugin,
    UpdatePluginDirectory,
    UpdatePluginFile,
)

_JSON = "application/json"
_NO_CONTENT = Answer(204)
_TEXT = Answer(200, {"text/plain": str})
_ROW_TYPES = {Format.JSON: list[dict[str, Any]], Format.PARQUET: bytes}
_ROWS = Answer(200, {each.content_type: _ROW_TYPES.get(each, str) for each in Format})
_DRY_RUN = Answer(200, {_JSON: DryRunResult})
_TOKEN = Answer(201, {_JSON: CreatedToken})
_SERVER = Answer(200, {_JSON: ServerInfo})
_DOCUMENT = Answer(200, {_JSON: dict[str, Any]})
_INVALID = "failed to deserialize {}/precision in request"
_PLUGIN_ANSWER = Answer(None, {"*/*": Any})

ROUTES: tuple[Route[Any], ...] = (
    # operations of the Processing engine
    Route("POST", paths.TRIGGER, json_body_or_query(CreateTrigger), triggers.create),
    Route("DELETE", paths.TRIGGER, query_or_json_body(DeleteTrigger), triggers.delete),
    Route("POST", paths.TRIGGER_DISABLE, query_string(TriggerReference), triggers.disable),
    Route("POST", paths.TRIGGER_ENABLE, query_string(TriggerReference), triggers.enable),
    Route("GET", paths.engine("*"), any_body(), requests.call, _PLUGIN_ANSWER),
    Route("POST", paths.engine("*"), any_body(), requests.call, _PLUGIN_ANSWER),
    Route("POST", paths.PLUGIN_TEST_WAL, json_body(TestWalPlugin), dry_runs.wal, _DRY_RUN),
    Route("POST", paths.PLUGIN_TEST_SCHEDULE, json_body(TestSchedulePlugin), dry_runs.schedule, _DRY_RUN),
    Route("POST", paths.PLUGIN_FILES, json_body(CreatePluginFile), plugins.create_file),
    Route("PUT", paths.PLUGIN_FILES, json_body(UpdatePluginFile), plugins.update_file),
    Route("PUT", paths.PLUGIN_DIRECTORY, json_body(UpdatePluginDirectory), plugins.update_directory),
    Route("POST", paths.INSTALL_PACKAGES, json_body_or_query(InstallPackages), environment.install_packages),
    Route(
        "POST", paths.INSTALL_REQUIREMENTS, json_body_or_query(InstallRequirements), environment.install_requirements
    ),
    # other operations
    Route(
        "POST",
        paths.WRITE_LP,
        line_protocol(WriteLp, missing="missing query parameter 'db'"),
        writes.write_lp,
        _NO_CONTENT,
    ),
    Route(
        "POST",
        paths.WRITE_V2,
        line_protocol(WriteV2, error=_INVALID.format("org/bucket")),
        writes.write_v2,
        _NO_CONTENT,
        writes.v2_error,
    ),
    Route("POST", paths.WRITE_V1, line_protocol(WriteV1, error=_INVALID.format("db/rp")), writes.write_v1, _NO_CONTENT),
    Route(
        "GET",
        paths.QUERY_SQL,
        query_string(QueryString, missing="missing query parameters 'db' and 'q'"),
        queries.query_string,
        _ROWS,
    ),
    Route("POST", paths.QUERY_SQL, untyped_json_body(Query), queries.query_body, _ROWS),
    Route("GET", paths.DATABASE, query_string(ListDatabases), databases.list_all, _ROWS),
    Route("POST", paths.DATABASE, json_body(CreateDatabase), databases.create),
    Route("PUT", paths.DATABASE, json_body(CreateDatabase), databases.update),
    Route("DELETE", paths.DATABASE, query_string(DeleteDatabase), databases.delete),
    Route("POST", paths.TABLE, json_body(CreateTable), tables.create),
    Route("DELETE", paths.TABLE, query_string(DeleteTable), tables.delete),
    Route("POST", paths.TOKEN_ADMIN, nothing(), tokens.create_operator, _TOKEN),
    Route("POST", paths.TOKEN_ADMIN_REGENERATE, nothing(), tokens.regenerate_operator, _TOKEN),
    Route("POST", paths.TOKEN_NAMED_ADMIN, json_body(CreateNamedToken), tokens.create_named, _TOKEN),
    Route("DELETE", paths.TOKEN, query_string(DeleteToken), tokens.delete),
    Route("GET", paths.HEALTH, nothing(), health.health, _TEXT),
    Route("GET", health.HEALTH_V1, nothing(), health.health, _TEXT),
    Route("GET", paths.PING, nothing(), health.ping, _SERVER),
    Route("POST", paths.PING, nothing(), health.ping, _SERVER),
    Route("GET", description.PATH, nothing(), description.describing(lambda: ROUTES), _DOCUMENT),
)
