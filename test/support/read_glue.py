"""Reads every Iceberg table of a Glue catalogue with PyIceberg: rows per table, the sum of each decimal column, and every value as text if `values` is asked for."""
import json
import sys
from decimal import Decimal

import pyarrow as pa
from pyiceberg.catalog.glue import GlueCatalog

endpoint, databases = sys.argv[1], sys.argv[2].split(",")
aws = {"region": "eu-west-1", "access-key-id": "test", "secret-access-key": "test"}
properties = {f"glue.{name}": value for name, value in aws.items()} | {f"s3.{name}": value for name, value in aws.items()}
catalog = GlueCatalog("glue", **properties, **{"glue.endpoint": endpoint, "s3.endpoint": endpoint})
answer = {}
for database in databases:
    for identifier in catalog.list_tables(database):
        rows = catalog.load_table(identifier).scan().to_arrow()
        sums = {
            field.name: str(sum((value for value in rows[field.name].to_pylist() if value is not None), Decimal(0)))
            for field in rows.schema
            if pa.types.is_decimal(field.type)
        }
        answer[".".join(identifier)] = {"rows": rows.num_rows, "sums": sums}
        if "values" in sys.argv[3:]:
            answer[".".join(identifier)]["values"] = [
                {name: None if value is None else str(value) for name, value in row.items()} for row in rows.to_pylist()
            ]
print(json.dumps(answer))
