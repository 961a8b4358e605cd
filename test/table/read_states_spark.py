"""Reads the states of tables with Spark's Iceberg runtime; writes, by state, all rows and the number of rows that each predicate finds.

usage: read_states_spark.py JAR JOBS_FILE ANSWER_FILE; jobs: [{name, metadata, vectorized, predicates}]
"""
import json
import sys

from pyspark.sql import SparkSession

jar, jobs_file, answer_file = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.extraClassPath", jar)
    .config("spark.ui.enabled", "false")
    .config("spark.sql.shuffle.partitions", "1")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.driver.memory", "1g")
    .getOrCreate()
)


def shown(value):
    """Numbers of floating types as numbers, all else as text."""
    if value is None or (isinstance(value, float) and value == value):
        return value
    return str(value)


answer = {}
for job in json.load(open(jobs_file)):
    try:
        frame = spark.read.format("iceberg").option("vectorization-enabled", job["vectorized"]).load(job["metadata"])
        frame.createOrReplaceTempView("state")
        counts = " UNION ALL ".join(f"SELECT {number} AS number, count(*) AS rows FROM state WHERE {text}" for number, text in enumerate(job["predicates"]))
        answer[job["name"]] = {
            "rows": [[shown(value) for value in row] for row in frame.collect()],
            "counts": {job["predicates"][row.number]: row.rows for row in spark.sql(counts).collect()},
        }
    except Exception as error:  # the verdict on a state that can't be read
        answer[job["name"]] = {"error": str(error)[:2000]}
json.dump(answer, open(answer_file, "w"))
spark.stop()
