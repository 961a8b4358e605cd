"""Reads the states of tables with PyIceberg and DuckDB's iceberg extension; writes, by reader and state, all rows and the number of rows that each predicate finds.

usage: read_states.py JOBS_FILE ANSWER_FILE; jobs: [{name, metadata, predicates}]
"""
import json
import pathlib
import sys

import duckdb
import duckdb_extension_avro
import duckdb_extension_httpfs
import duckdb_extension_iceberg
from pyiceberg.table import StaticTable

jobs_file, answer_file = sys.argv[1:]
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
for package, file in ((duckdb_extension_httpfs, "httpfs"), (duckdb_extension_avro, "avro"), (duckdb_extension_iceberg, "iceberg")):
    connection.execute(f"LOAD '{next(pathlib.Path(package.__path__[0]).rglob(f'{file}.duckdb_extension'))}'")


def shown(value):
    """Numbers of floating types as numbers, all else as text."""
    if value is None or (isinstance(value, float) and value == value):
        return value
    return str(value)


def rows_of(arrow):
    columns = [[shown(value) for value in arrow[column].to_pylist()] for column in arrow.column_names]
    return [list(row) for row in zip(*columns)]


def with_pyiceberg(job):
    table = StaticTable.from_metadata(job["metadata"])
    return {
        "rows": rows_of(table.scan().to_arrow()),
        "counts": {text: len(table.scan(row_filter=text).to_arrow()) for text in job["predicates"]},
    }


def with_duckdb(job):
    source = f"iceberg_scan('{job['metadata']}')"
    return {
        "rows": rows_of(connection.execute(f"SELECT * FROM {source}").to_arrow_table()),
        "counts": {
            text: connection.execute(f"SELECT count(*) FROM {source} WHERE {text}").fetchone()[0] for text in job["predicates"]
        },
    }


def verdict(read, job):
    try:
        return read(job)
    except Exception as error:  # the verdict on a state that can't be read
        return {"error": str(error)}


jobs = json.load(open(jobs_file))
json.dump(
    {reader: {job["name"]: verdict(read, job) for job in jobs} for reader, read in (("pyiceberg", with_pyiceberg), ("duckdb", with_duckdb))},
    open(answer_file, "w"),
)
