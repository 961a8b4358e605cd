"""Reads a table with PyIceberg (SqlCatalog on our catalogue file) and with DuckDB's iceberg extension; prints both as JSON.

usage: read_tables.py CATALOG_FILE DATABASE TABLE [PREDICATE ...]; a predicate is PyIceberg's and SQL's common text
"""
import json
import sys

import duckdb
import duckdb_extension_avro
import duckdb_extension_httpfs
import duckdb_extension_iceberg
from pyiceberg.catalog.sql import SqlCatalog

catalog_file, database, name, *predicates = sys.argv[1:]
table = SqlCatalog("headgate", uri=f"sqlite:///{catalog_file}", warehouse="/tmp").load_table((database, name))


def rows_of(arrow):
    columns = [[None if value is None else str(value) for value in arrow[column].to_pylist()] for column in arrow.column_names]
    return sorted([list(row) for row in zip(*columns)], key=lambda row: [str(value) for value in row])


def extension(package, file):
    import pathlib

    found = list(pathlib.Path(package.__path__[0]).rglob(f"{file}.duckdb_extension"))
    return str(found[0])


connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
for package, file in ((duckdb_extension_httpfs, "httpfs"), (duckdb_extension_avro, "avro"), (duckdb_extension_iceberg, "iceberg")):
    connection.execute(f"LOAD '{extension(package, file)}'")
location = table.metadata_location.replace("'", "''")
source = f"iceberg_scan('{location}')"

print(
    json.dumps(
        {
            "pyiceberg": rows_of(table.scan().to_arrow()),
            "duckdb": rows_of(connection.execute(f"SELECT * FROM {source}").to_arrow_table()),
            "snapshots": len(table.metadata.snapshots),
            "operations": [snapshot.summary.operation.value for snapshot in table.metadata.snapshots],
            "totals": [int(snapshot.summary["total-records"]) for snapshot in table.metadata.snapshots],
            "manifests": len(table.current_snapshot().manifests(table.io)) if table.current_snapshot() else 0,
            "filtered": {
                text: [
                    len(table.scan(row_filter=text).to_arrow()),
                    connection.execute(f"SELECT count(*) FROM {source} WHERE {text}").fetchone()[0],
                ]
                for text in predicates
            },
        }
    )
)
