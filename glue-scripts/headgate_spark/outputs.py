"""From rows of Spark to the files of a table, written by DuckDB on the executors: field ids, encodings and bounds as on a laptop."""

import itertools
import json
import os

import pyarrow as pa

from headgate_spark import storage
from headgate_spark.duck import literal, session
from headgate_spark.failures import Failure
from headgate_spark.stage import OUT


def write(spark, output, folder, memory):
    """Files of one output as rows of DuckDB's RETURN_STATS, `filename` being their final address."""
    rows = spark.sql(output["sql"])
    view = f"headgate_output_{output['name']}"
    rows.createOrReplaceTempView(view)
    if output["partitionBy"]:
        rows = spark.sql(f"SELECT /*+ REBALANCE({', '.join(copies(output))}) */ *{expressions(output)} FROM {view}").drop(*copies(output))
    else:
        rows = spark.sql(f"SELECT /*+ REBALANCE */ * FROM {view}")
    copy = output["copy"]
    partitioned = bool(output["partitionBy"])
    written = rows.mapInArrow(lambda batches: write_task(batches, copy, partitioned, folder, memory), "stats string").collect()
    answers = [json.loads(row.stats) for row in written]
    for answer in answers:
        if "failure" in answer:
            raise Failure(*answer["failure"])
    return [file for answer in answers for file in answer["files"]]


def copies(output):
    return [f"headgate_p{index}" for index, _ in enumerate(output["partitionBy"])]


def expressions(output):
    return "".join(f", {expression} AS {name}" for expression, name in zip(output["partitionBy"], copies(output)))


def write_task(batches, copy, partitioned, folder, memory):
    first = next((batch for batch in batches if batch.num_rows > 0), None)
    if first is None:
        return
    reader = pa.RecordBatchReader.from_batches(first.schema, itertools.chain([first], batches))
    try:
        answer = {"files": write_files(reader, copy, partitioned, folder, memory)}
    except Failure as failure:
        if failure.kind in ("transient", "unclear"):
            raise
        answer = {"failure": [failure.kind, failure.message]}
    yield pa.RecordBatch.from_pydict({"stats": [json.dumps(answer)]})


def write_files(reader, copy, partitioned, folder, memory):
    with storage.writable(folder) as (local, publish), session(memory) as db:
        db.register("rows", reader)
        target = local if partitioned else os.path.join(local, "rows.parquet")
        result = db.execute(copy.replace(OUT, literal(target)))
        names = [column[0] for column in result.description]
        files = [as_json(dict(zip(names, row))) for row in result.fetchall()]
        return [{**file, "filename": publish(file["filename"])} for file in files if int(file["count"]) > 0]


def as_json(row):
    """The row as DuckDB's Node client gives it: numbers as text, maps as lists of pairs."""
    keys = row["partition_keys"]
    return {
        "filename": row["filename"],
        "count": str(row["count"]),
        "file_size_bytes": str(row["file_size_bytes"]),
        "column_statistics": [{"key": column, "value": pairs(values)} for column, values in row["column_statistics"].items()],
        "partition_keys": None if keys is None else pairs(keys),
    }


def pairs(mapping):
    return [{"key": key, "value": value} for key, value in mapping.items()]
