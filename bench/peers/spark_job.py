"""The job of Headgate for payments/transactions as somebody writes it by hand for Spark: <csv> <folder>. Prints what it measured."""
import json, resource, sys, time

from pyspark.sql import SparkSession, Window, functions as F

file, folder = sys.argv[1:]
spark = (
    SparkSession.builder.config("spark.sql.shuffle.partitions", 8)
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.legacy.timeParserPolicy", "CORRECTED")
    .config("spark.sql.parquet.compression.codec", "zstd")
    .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
    .getOrCreate()
)
# Java has started: as for every peer, what the job itself takes.
started = time.perf_counter()
COLUMNS = ["transaction_id", "parent_id", "type", "account_id", "amount", "currency", "transacted_at", "card_number", "updated_at"]
col = F.col


def moment(name):
    return F.to_timestamp(name, "yyyy-MM-dd HH:mm:ss")


CHECKS = {
    **{f"{name}.missing": col(name).isNull() for name in COLUMNS if name not in ("parent_id", "card_number")},
    "transaction_id.length": F.length("transaction_id") > 20,
    "transaction_id.pattern": ~col("transaction_id").rlike("^T[0-9]+$"),
    "parent_id.length": F.length("parent_id") > 20,
    "type.not_allowed": ~col("type").isin("purchase", "refund", "void"),
    "amount.type": ~col("amount").rlike("^-?[0-9]{1,16}(\\.[0-9]{1,2}0*)?$"),
    "amount.range": col("amount").cast("decimal(18,2)") < 0,
    "currency.pattern": ~col("currency").rlike("^[A-Z]{3}$"),
    "transacted_at.type": col("transacted_at").isNotNull() & moment("transacted_at").isNull(),
    "updated_at.type": col("updated_at").isNotNull() & moment("updated_at").isNull(),
    "child_has_parent": (col("type") != "purchase") & col("parent_id").isNull(),
}
rows = spark.read.schema(", ".join(f"{name} string" for name in COLUMNS)).option("header", True).csv(file)
checked = rows.withColumn("reasons", F.concat_ws(", ", *[F.when(broken, reason) for reason, broken in CHECKS.items()])).cache()
good = (
    checked.where("reasons = ''")
    .drop("reasons")
    .withColumn("place", F.row_number().over(Window.partitionBy("transaction_id").orderBy(F.desc("updated_at"))))
    .where("place = 1")
    .drop("place")
    .withColumn("amount", col("amount").cast("decimal(18,2)"))
    .withColumn("transacted_at", moment("transacted_at"))
    .withColumn("updated_at", moment("updated_at"))
    .withColumn("month", F.date_format("transacted_at", "yyyy-MM"))
)
good.repartition("month").write.partitionBy("month").parquet(f"{folder}/published")
checked.where("reasons <> ''").coalesce(1).write.parquet(f"{folder}/quarantine")
seconds = time.perf_counter() - started
# The Java process is a child that is still alive: its memory is not in these figures.
print(json.dumps({"seconds": seconds, "figures": {}, "peakMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
