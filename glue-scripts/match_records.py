"""Finds the records of one person among many with Splink: plain Python with DuckDB, `spark-submit`, or AWS Glue 5.1.

--job      address of the job document (lib/matching/settings.ts): a path, or s3://bucket/key
--backend  what compares the pairs: duckdb or spark
--attempt  name of this attempt's folder of pairs; on Glue the id of the job run
--parent   id of a local process: when it is gone nobody waits for the answer, and this process ends

The model is learnt by DuckDB whatever compares: the weight of a pair must not depend on the engine, and learning reads samples, not all pairs.
"""

import logging
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import duckdb
import splink

from headgate_spark import storage
from headgate_spark.failures import Failure, from_duckdb, from_spark
from headgate_spark.program import Clock, end_with, options

DEFAULTS = {"job": "", "backend": "duckdb", "attempt": "", "JOB_RUN_ID": "", "parent": ""}
JOB_VERSION = 1
# Records and pairs that are looked at to learn from. Above them Splink takes samples, always the same ones.
LEARN_PAIRS = 5_000_000
SEED = 1
# Bytes of the records for each piece of Spark's work; pairs are many more than records.
SPARK_PART_BYTES = 4 * 1024 * 1024


def main(arguments):
    given = options(arguments, DEFAULTS)
    if given["parent"]:
        end_with(given["parent"])
    logging.getLogger("splink").setLevel(logging.ERROR)
    job = storage.read_json(given["job"])
    require_versions(job)
    attempt = given["attempt"] or given["JOB_RUN_ID"]
    folder = f"{job['pairs']}/{attempt}" if attempt else job["pairs"]
    clock = Clock()
    with storage.readable(job["records"]) as records:
        model, untrained = clock.take("learn", lambda: learn(job, records))
        compare = {"duckdb": on_duckdb, "spark": on_spark}[given["backend"]]
        pairs = clock.take("compare", lambda: compare({**job, "pairs": folder}, model, records))
    answer = {"pairs": pairs, "attempt": attempt, "untrained": untrained, "model": model, "seconds": clock.seconds}
    # Two attempts of one job: the answer of the first stands, and only its pairs are read.
    if not storage.write_once(job["answer"], answer):
        storage.remove_tree(folder)


def require_versions(job):
    if job["version"] != JOB_VERSION:
        raise Failure("terminal", f"the job has version {job['version']}; this script executes version {JOB_VERSION}")
    if splink.__version__ != job["splink"]:
        raise Failure(
            "terminal",
            f"Splink {splink.__version__} is installed, the job was made for {job['splink']}; make the environment again: npm run setup:python matching",
        )


def dialect(settings, name):
    rules = [{**rule, "sql_dialect": name} for rule in settings["blocking_rules_to_generate_predictions"]]
    return {**settings, "blocking_rules_to_generate_predictions": rules, "sql_dialect": name}


def database(records, **settings):
    """What DuckDB has no memory for are values in clear: they lie beside the records, where they are removed, and not where this process was started."""
    return duckdb.connect(config={**settings, "temp_directory": os.path.join(os.path.dirname(records), "spill-splink")})


def duckdb_linker(settings, records, connection):
    api = splink.DuckDBAPI(connection)
    return splink.Linker(api.register(connection.sql(f"SELECT * FROM read_parquet('{quoted(records)}')")), dialect(settings, "duckdb"))


def quoted(text):
    return text.replace("'", "''")


def learn(job, records):
    """Trained settings as a JSON document, and the levels that nothing was learnt about."""
    # One thread: sums of floating point numbers come out the same every time.
    with database(records, threads=1) as connection:
        linker = duckdb_linker(job["settings"], records, connection)

        def with_model(model):
            return duckdb_linker(model, records, connection)

        certain = [splink.block_on(*rule) for rule in job["certain"]["rules"] if has_pairs(connection, records, rule)]
        # Without a certain pair Splink's own guess stands: one pair in ten thousand.
        if certain:
            linker = with_share(linker, certain, job["certain"]["recall"], with_model)
        linker.training.estimate_u_using_random_sampling(max_pairs=LEARN_PAIRS, seed=SEED, min_count_per_level=None, num_chunks=1)
        for rule in job["training"]:
            if has_pairs(connection, records, rule):
                linker = learnt_from(linker, rule, with_model)
        model = linker.misc.save_model_to_json()
    return model, untrained_levels(model)


def with_share(linker, certain, recall, with_model):
    """The linker that knows the share of true pairs. Among few records nearly all pairs may be certain: then the share comes out as one or more, which Splink
    can't learn with or refuses, and its guess stands."""
    before = linker.misc.save_model_to_json()
    try:
        linker.training.estimate_probability_two_random_records_match(certain, recall=recall)
    except ValueError:
        return linker
    return linker if linker.misc.save_model_to_json()["probability_two_random_records_match"] < 1 else with_model(before)


def learnt_from(linker, rule, with_model):
    """The linker that has learnt from the pairs of a rule. Among few records none of them may look like a match, and Splink divides by their
    number: then one with what was learnt before, because the session that failed leaves its own model behind."""
    before = linker.misc.save_model_to_json()
    try:
        linker.training.estimate_parameters_using_expectation_maximisation(splink.block_on(*rule), max_pairs=LEARN_PAIRS)
        return linker
    except ValueError:
        return with_model(before)


def has_pairs(connection, records, rule):
    columns = ", ".join(rule)
    present = " AND ".join(f"{column} IS NOT NULL" for column in rule)
    found = connection.execute(
        f"SELECT 1 FROM read_parquet('{quoted(records)}') WHERE {present} GROUP BY {columns} HAVING count(*) > 1 LIMIT 1"
    )
    return found.fetchone() is not None


def untrained_levels(model):
    return [
        f"{comparison['output_column_name']}: {level['label_for_charts']}"
        for comparison in model["comparisons"]
        for level in comparison["comparison_levels"]
        if not level.get("is_null_level") and ("m_probability" not in level or "u_probability" not in level)
    ]


def wanted(job):
    return ["n_l", "n_r", "match_weight", "match_probability", *job["levels"]]


def on_duckdb(job, model, records):
    with database(records) as connection, storage.writable(job["pairs"]) as (local, publish):
        found = duckdb_linker(model, records, connection).inference.predict(threshold_match_probability=job["from"])
        path = os.path.join(local, "pairs.parquet")
        connection.execute(f"COPY (SELECT {', '.join(wanted(job))} FROM {found.physical_name}) TO '{quoted(path)}' (FORMAT parquet)")
        [count] = connection.execute(f"SELECT count(*) FROM read_parquet('{quoted(path)}')").fetchone()
        publish(path)
        return count


def on_spark(job, model, records):
    from pyspark.sql import SparkSession

    parts = max(2, -(-os.path.getsize(records) // SPARK_PART_BYTES))
    spark = SparkSession.builder.appName("headgate match").config("spark.sql.shuffle.partitions", parts).getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    api = splink.SparkAPI(spark_session=spark, register_udfs_automatically=False, break_lineage_method="persist")
    # Executors read the object itself, not the driver's copy.
    table = api.register(spark.read.parquet(job["records"]))
    linker = splink.Linker(table, dialect(model, "spark"))
    found = linker.inference.predict(threshold_match_probability=job["from"]).as_spark_dataframe().select(*wanted(job))
    found.write.mode("append").parquet(job["pairs"])
    count = found.count()
    spark.stop()
    return count


if __name__ == "__main__":
    try:
        main(sys.argv)
    except Failure:
        raise
    except duckdb.Error as error:
        raise from_duckdb(error) from None
    except Exception as error:  # what Splink or Spark say may quote a value: only its kind is shown
        if "pyspark" in sys.modules:
            raise from_spark(error) from None
        raise Failure("terminal", f"Splink: {type(error).__name__}") from None
