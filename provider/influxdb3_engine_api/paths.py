"""The paths of the HTTP API (contract section 1)."""

TRIGGER = "/api/v3/configure/processing_engine_trigger"
TRIGGER_DISABLE = f"{TRIGGER}/disable"
TRIGGER_ENABLE = f"{TRIGGER}/enable"
ENGINE = "/api/v3/engine"
PLUGIN_TEST_WAL = "/api/v3/plugin_test/wal"
PLUGIN_TEST_SCHEDULE = "/api/v3/plugin_test/schedule"
PLUGIN_FILES = "/api/v3/plugins/files"
PLUGIN_DIRECTORY = "/api/v3/plugins/directory"
INSTALL_PACKAGES = "/api/v3/configure/plugin_environment/install_packages"
INSTALL_REQUIREMENTS = "/api/v3/configure/plugin_environment/install_requirements"

DATABASE = "/api/v3/configure/database"
TABLE = "/api/v3/configure/table"
WRITE_LP = "/api/v3/write_lp"
WRITE_V2 = "/api/v2/write"
WRITE_V1 = "/write"
QUERY_SQL = "/api/v3/query_sql"
TOKEN = "/api/v3/configure/token"  # noqa: S105 - a path, not a secret
TOKEN_ADMIN = f"{TOKEN}/admin"
TOKEN_ADMIN_REGENERATE = f"{TOKEN_ADMIN}/regenerate"
TOKEN_NAMED_ADMIN = f"{TOKEN}/named_admin"
HEALTH = "/health"
PING = "/ping"


def engine(request_path: str) -> str:
    """The path that calls a request trigger; the server compares ``request_path`` byte for byte."""
    return f"{ENGINE}/{request_path}"
