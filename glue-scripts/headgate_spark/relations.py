"""The relations that a plan's statements name (lib/plan/plan.ts), as temporary views of one Spark session."""

import json
import re

from pyspark import StorageLevel
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StringType, StructField, StructType, _parse_datatype_string

from headgate_spark.stage import moves


def bind_secrets(spark, pads):
    """Padded keys stand in a relation, so that no statement, plan or log shows them."""
    for name, pad in pads.items():
        rows = [(bytearray.fromhex(pad["inner"]), bytearray.fromhex(pad["outer"]))]
        spark.createDataFrame(rows, "inner_pad binary, outer_pad binary").createOrReplaceTempView(f"headgate_{name}")


def bind_functions(spark):
    # Python writes the shortest text that gives the number again, and so does DuckDB; Java 17 does not.
    spark.udf.register("headgate_double_text", lambda value: None if value is None else repr(value), StringType())


def bind_batch(spark, job, pieces):
    """`files`, `staged` and `rejects`."""
    files = [(each["file"], each["fileId"], each["lastRow"]) for each in job["files"]]
    spark.createDataFrame(files, "_file int, file_id string, last_row bigint").createOrReplaceTempView("headgate_files")
    view(spark, "files", "SELECT _file, file_id FROM headgate_files")
    spark.createDataFrame(moves(pieces), "_part int, _file int, by bigint").createOrReplaceTempView("headgate_moves")
    read(spark, [piece["path"] for piece in pieces]).createOrReplaceTempView("headgate_staged")
    view(
        spark,
        "staged",
        "SELECT * FROM (SELECT /*+ BROADCAST(m), BROADCAST(f) */ s.*, s._n + m.by AS _row, shiftleft(CAST(s._file AS BIGINT), 40) + s._n + m.by AS _id, f.last_row "
        "FROM headgate_staged AS s JOIN headgate_moves AS m ON m._part = s._part AND m._file = s._file JOIN headgate_files AS f ON f._file = s._file) "
        "WHERE last_row IS NULL OR _row <= last_row",
    )
    rejects = [piece["rejects"] for piece in pieces if piece["rejects"] is not None]
    if rejects:
        read(spark, rejects).createOrReplaceTempView("headgate_rejects")
        view(
            spark,
            "rejects",
            "SELECT r._file, r._row + coalesce(m.by, 0) AS _row, r.code, r.byte_start, r.byte_end FROM headgate_rejects AS r "
            "LEFT JOIN headgate_cut AS m ON m._part = r._part AND m._file = r._file",
            before=lambda: spark.createDataFrame(
                [move for move in moves([piece for piece in pieces if piece["file"] is not None])], "_part int, _file int, by bigint"
            ).createOrReplaceTempView("headgate_cut"),
        )
    else:
        view(spark, "rejects", "SELECT 0 AS _file, 0L AS _row, '' AS code, 0L AS byte_start, 0L AS byte_end WHERE FALSE")


def bind_tables(spark, job):
    """The tables as they stand, without the rows of withdrawn files; `target_files`, `withdrawn_paths` and `vault_known`."""
    texts = "path string, output string, rows bigint"
    spark.createDataFrame([], texts).createOrReplaceTempView("withdrawn_paths")
    withdrawn = spark.createDataFrame([(file,) for file in job["withdraws"]], "file_id string")
    withdrawn.createOrReplaceTempView("withdrawn_ids")
    gone = []
    for table in job["tables"]:
        rows = table_rows(spark, table)
        if job["withdraws"] and not (table["output"] == "curated" and job["keepsWithdrawn"]):
            leaving = rows.join(F.broadcast(withdrawn), rows._source_file == withdrawn.file_id, "left_semi")
            counts = leaving.groupBy(F.col("_path").alias("path")).agg(F.count("*").alias("rows"))
            gone += [(row.path, table["output"], row["rows"]) for row in counts.collect()]
            rows = rows.join(F.broadcast(withdrawn), rows._source_file == withdrawn.file_id, "left_anti")
        rows.createOrReplaceTempView(table["relation"])
    spark.createDataFrame(gone, texts).createOrReplaceTempView("withdrawn_paths")
    if job["targetFiles"] is not None:
        leaving = {path for path, _, _ in gone}
        schema = StructType([StructField(name, StringType()) for name in job["targetFiles"]["names"]])
        files = [tuple(row) for row in job["targetFiles"]["rows"] if row[0] not in leaving]
        spark.createDataFrame(files, schema).createOrReplaceTempView("target_files")
    if job["vaultFiles"]:
        read(spark, job["vaultFiles"]).select("token").createOrReplaceTempView("vault_known")
    else:
        view(spark, "vault_known", "SELECT '' AS token WHERE FALSE")


def table_rows(spark, table):
    """Rows of a table's files by field id, with `_path` and `_position`."""
    schema = StructType([field(each) for each in table["schema"]])
    files = spark.read.schema(schema).parquet(*[plain(path) for path in table["paths"]])
    rows = files.select(*files.columns, F.regexp_replace(F.col("_metadata.file_path"), "^file:/+", "file:/").alias("_uri"), F.col("_metadata.row_index").alias("_position"))
    places = [(address(spark, path), path) for path in table["paths"]]
    addresses = spark.createDataFrame(places, "_uri string, _path string")
    # A row whose file has no name here would vanish from the comparison with the batch: rather no run at all.
    unknown = F.raise_error(F.lit("a table file has another address than the plan says"))
    joined = rows.join(F.broadcast(addresses), "_uri", "left").drop("_uri")
    return joined.withColumn("_path", F.coalesce(F.col("_path"), unknown))


PRIMITIVES = {
    "boolean": "boolean",
    "int": "int",
    "long": "bigint",
    "float": "float",
    "double": "double",
    "date": "date",
    "timestamp": "timestamp_ntz",
    "string": "string",
    "binary": "binary",
}


def field(each):
    return StructField(each["name"], data_type(each["type"]), True, {"parquet.field.id": each["id"]})


def data_type(kind):
    """An Iceberg type (appendix C of its spec) as Spark's."""
    if isinstance(kind, str):
        return _parse_datatype_string(PRIMITIVES.get(kind, kind))
    if kind["type"] == "list":
        return ArrayType(data_type(kind["element"]))
    return StructType([field(each) for each in kind["fields"]])


def take_steps(spark, job, folder):
    """Each step is computed once. Then `published`."""
    for step in job["steps"]:
        rows = spark.sql(step["sql"])
        kept = stored(spark, rows, f"{folder}/steps/{step['name']}") if step.get("stored") else rows.persist(StorageLevel.MEMORY_AND_DISK)
        kept.createOrReplaceTempView(step["name"])
    view(spark, "published", "SELECT s.* FROM staged AS s LEFT ANTI JOIN excluded AS e ON e._id = s._id WHERE s._ok")


def stored(spark, rows, path):
    """The rows from files: a persisted view stands in every plan with all that it was made from, and these grow by multiplication."""
    rows.write.parquet(path)
    # Field ids of the table's columns are no names of these files' columns.
    schema = re.sub(r'"metadata":\{[^{}]*\}', '"metadata":{}', rows.schema.json())
    return spark.read.schema(StructType.fromJson(json.loads(schema))).parquet(plain(path))


def view(spark, name, sql, before=lambda: None):
    before()
    spark.sql(sql).createOrReplaceTempView(name)


def read(spark, paths):
    return spark.read.parquet(*[plain(path) for path in paths])


def plain(path):
    """Spark takes signs of a path for a pattern."""
    return "".join(f"\\{sign}" if sign in "{}[]*?\\" else sign for sign in path)


def address(spark, path):
    """The path as `_metadata.file_path` shows it."""
    place = spark._jvm.org.apache.hadoop.fs.Path(path)
    return re.sub("^file:/+", "file:/", place.getFileSystem(spark._jsc.hadoopConfiguration()).makeQualified(place).toUri().toString())
