"""The relations that a plan's statements name (lib/plan/plan.ts), as temporary views of one Spark session."""

import json
import re

from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StringType, StructField, StructType, _parse_datatype_string

from headgate_spark.stage import moves


def bind_secrets(spark, pads):
    """Padded keys stand in a relation, so that no statement, plan or log shows them. The driver holds it: to read it is no job."""
    jvm = spark._jvm
    schema = jvm.org.apache.spark.sql.types.StructType.fromDDL("inner_pad binary, outer_pad binary")
    for name, pad in pads.items():
        values = spark.sparkContext._gateway.new_array(jvm.Object, 2)
        values[0], values[1] = bytearray.fromhex(pad["inner"]), bytearray.fromhex(pad["outer"])
        rows = jvm.java.util.ArrayList()
        rows.add(jvm.org.apache.spark.sql.RowFactory.create(values))
        DataFrame(spark._jsparkSession.createDataFrame(rows, schema), spark).createOrReplaceTempView(f"headgate_{name}")


def bind_functions(spark):
    # Python writes the shortest text that gives the number again, and so does DuckDB; Java 17 does not.
    spark.udf.register("headgate_double_text", lambda value: None if value is None else repr(value), StringType())


def bind_files(spark, job):
    listed(spark, "_file int, file_id string", [(each["file"], each["fileId"]) for each in job["files"]]).createOrReplaceTempView("files")


def bind_batch(spark, job, pieces):
    """`staged` and `rejects`."""
    by_part, by_file = moves(pieces, len(job["files"]))
    row = f"_n{at('_part', by_part)}{at('_file', by_file)}"
    last = [each["lastRow"] for each in job["files"]]
    within = "" if all(each is None for each in last) else f" WHERE _row <= 0L{at('_file', [LAST if each is None else each for each in last])}"
    read(spark, [piece["path"] for piece in pieces], pieces[0]["schema"]).createOrReplaceTempView("headgate_staged")
    view(
        spark,
        "staged",
        f"SELECT * FROM (SELECT *, {row} AS _row, shiftleft(CAST(_file AS BIGINT), 40) + {row} AS _id FROM headgate_staged) AS s{within}",
    )
    rejects = [piece["rejects"] for piece in pieces if piece["rejects"] is not None]
    if rejects:
        columns = "_file int, _row bigint, code string, byte_start bigint, byte_end bigint, _part int"
        read(spark, rejects, columns).createOrReplaceTempView("headgate_rejects")
        view(spark, "rejects", f"SELECT _file, _row{at('_part', by_part)} AS _row, code, byte_start, byte_end FROM headgate_rejects")
    else:
        view(spark, "rejects", "SELECT 0 AS _file, 0L AS _row, '' AS code, 0L AS byte_start, 0L AS byte_end WHERE FALSE")


LAST = 2**63 - 1


def at(index, numbers):
    """SQL that adds the number at an index; nothing where all are zero. A join would cost each query of the batch a job."""
    return f" + CAST(split('{','.join(str(each) for each in numbers)}', ',') AS ARRAY<BIGINT>)[{index}]" if any(numbers) else ""


# More are no text for Spark's parser.
LISTED = 2000


def listed(spark, columns, rows):
    """A few rows that the driver knows, in the statement itself: Spark knows their number and reads them without a job."""
    if len(rows) > LISTED:
        return spark.createDataFrame(rows, columns)
    names, types = zip(*(column.split(" ") for column in columns.split(", ")))
    # A row of nulls gives the types, also where there is no other.
    values = [[None] * len(names), *rows]
    texts = ", ".join(f"({', '.join(f'CAST({sql_literal(value)} AS {kind})' for value, kind in zip(row, types))})" for row in values)
    return spark.sql(f"SELECT {', '.join(names)} FROM (VALUES {texts}) AS listed({', '.join(names)}) WHERE {names[0]} IS NOT NULL")


def sql_literal(value):
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def bind_tables(spark, job):
    """The tables as they stand, without the rows of withdrawn files; `target_files`, `withdrawn_paths` and `vault_known`."""
    columns = "path string, output string, rows bigint"
    listed(spark, columns, []).createOrReplaceTempView("withdrawn_paths")
    withdrawn = listed(spark, "file_id string", [(file,) for file in job["withdraws"]])
    withdrawn.createOrReplaceTempView("withdrawn_ids")
    gone = []
    for table in job["tables"]:
        rows = table_rows(spark, table)
        if job["withdraws"] and not (table["output"] == "curated" and job["keepsWithdrawn"]):
            leaving = rows.join(F.broadcast(withdrawn), rows._source_file == withdrawn.file_id, "left_semi")
            counts = leaving.groupBy(F.col("_path").alias("path")).agg(F.count("*").alias("rows"))
            gone += [(row.path, table["output"], row["rows"]) for row in counts.collect()]
            leaving.createOrReplaceTempView(f"{table['relation']}_withdrawn")
            rows = rows.join(F.broadcast(withdrawn), rows._source_file == withdrawn.file_id, "left_anti")
        rows.createOrReplaceTempView(table["relation"])
    listed(spark, columns, gone).createOrReplaceTempView("withdrawn_paths")
    if job["targetFiles"] is not None:
        leaving = {path for path, _, _ in gone}
        names = ", ".join(f"{name} string" for name in job["targetFiles"]["names"])
        files = [tuple(row) for row in job["targetFiles"]["rows"] if row[0] not in leaving]
        listed(spark, names, files).createOrReplaceTempView("target_files")
    if job["vaultFiles"]:
        read(spark, job["vaultFiles"], "token string").createOrReplaceTempView("vault_known")
    else:
        view(spark, "vault_known", "SELECT '' AS token WHERE FALSE")


def table_rows(spark, table):
    """Rows of a table's files by field id, with `_path` and `_position`."""
    schema = StructType([field(each) for each in table["schema"]])
    files = spark.read.schema(schema).parquet(*[plain(path) for path in table["paths"]])
    rows = files.select(*files.columns, F.regexp_replace(F.col("_metadata.file_path"), "^file:/+", "file:/").alias("_uri"), F.col("_metadata.row_index").alias("_position"))
    places = [(address(spark, path), path) for path in table["paths"]]
    addresses = listed(spark, "_uri string, _path string", places)
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
    """Each step is computed once: what several statements read is kept. Then `published`."""
    texts = statements(job)
    for step in job["steps"]:
        rows = spark.sql(step["sql"])
        if step.get("stored"):
            rows = stored(spark, rows, f"{folder}/steps/{step['name']}")
        elif readers(step["name"], texts) > 1:
            rows = rows.persist(StorageLevel.MEMORY_AND_DISK)
        rows.createOrReplaceTempView(step["name"])
    view(spark, "published", "SELECT s.* FROM staged AS s LEFT ANTI JOIN excluded AS e ON e._id = s._id WHERE s._ok")


def statements(job):
    texts = [each["sql"] for kind in ("steps", "outputs", "measures") for each in job[kind]]
    return [*texts, *(each["removes"] for each in job["outputs"] if "removes" in each), job.get("losses", "")]


def readers(name, texts):
    return sum(len(re.findall(rf"\b{name}\b", text)) for text in texts) + (2 if name == "excluded" else 0)


def stored(spark, rows, path):
    """The rows from files: a persisted view stands in every plan with all that it was made from, and these grow by multiplication."""
    rows.write.parquet(path)
    # Field ids of the table's columns are no names of these files' columns.
    schema = re.sub(r'"metadata":\{[^{}]*\}', '"metadata":{}', rows.schema.json())
    return spark.read.schema(StructType.fromJson(json.loads(schema))).parquet(plain(path))


def view(spark, name, sql, before=lambda: None):
    before()
    spark.sql(sql).createOrReplaceTempView(name)


def read(spark, paths, schema):
    """Rows of files of which the columns are known: to ask a file for them would be a job."""
    return spark.read.schema(schema).parquet(*[plain(path) for path in paths])


def plain(path):
    """Spark takes signs of a path for a pattern."""
    return "".join(f"\\{sign}" if sign in "{}[]*?\\" else sign for sign in path)


def address(spark, path):
    """The path as `_metadata.file_path` shows it."""
    place = spark._jvm.org.apache.hadoop.fs.Path(path)
    return re.sub("^file:/+", "file:/", place.getFileSystem(spark._jsc.hadoopConfiguration()).makeQualified(place).toUri().toString())
