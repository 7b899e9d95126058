"""The catalog: databases, triggers and tokens, in a SQLite file."""

from influxdb3_embedded.catalog.catalog import Catalog
from influxdb3_embedded.catalog.database_file import CatalogVersionError
from influxdb3_embedded.catalog.records import Database, Token

__all__ = ["Catalog", "CatalogVersionError", "Database", "Token"]
