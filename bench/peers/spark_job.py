"""The job of Headgate as somebody writes it by hand for Spark: <feed>-<megabytes>.csv <folder>. Prints what it measured."""
import json, os, resource, sys, time

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
col = F.col


def moment(name):
    return F.to_timestamp(name, "yyyy-MM-dd HH:mm:ss")


def missing(names):
    return {f"{name}.missing": col(name).isNull() for name in names}


def no_moment(name):
    return {f"{name}.type": col(name).isNotNull() & moment(name).isNull()}


def transactions():
    columns = ["transaction_id", "parent_id", "type", "account_id", "amount", "currency", "transacted_at", "card_number", "updated_at"]
    checks = {
        **missing(name for name in columns if name not in ("parent_id", "card_number")),
        "transaction_id.length": F.length("transaction_id") > 20,
        "transaction_id.pattern": ~col("transaction_id").rlike("^T[0-9]+$"),
        "parent_id.length": F.length("parent_id") > 20,
        "type.not_allowed": ~col("type").isin("purchase", "refund", "void"),
        "amount.type": ~col("amount").rlike("^-?[0-9]{1,16}(\\.[0-9]{1,2}0*)?$"),
        "amount.range": col("amount").cast("decimal(18,2)") < 0,
        "currency.pattern": ~col("currency").rlike("^[A-Z]{3}$"),
        **no_moment("transacted_at"),
        **no_moment("updated_at"),
        "child_has_parent": (col("type") != "purchase") & col("parent_id").isNull(),
    }
    typed = {"amount": col("amount").cast("decimal(18,2)"), "transacted_at": moment("transacted_at"), "updated_at": moment("updated_at")}
    return columns, checks, typed, ["transaction_id"], "updated_at", "transacted_at"


def sales():
    columns = ["invoice_no", "stock_code", "description", "quantity", "invoice_date", "unit_price", "customer_id", "country"]
    checks = {
        **missing(name for name in columns if name != "customer_id"),
        "invoice_no.pattern": ~col("invoice_no").rlike("^[AC]?[0-9]{6,9}$"),
        "stock_code.length": F.length("stock_code") > 20,
        "quantity.type": ~col("quantity").rlike("^-?[0-9]{1,9}$"),
        **no_moment("invoice_date"),
        "unit_price.type": ~col("unit_price").rlike("^-?[0-9]{1,15}(\\.[0-9]{1,3}0*)?$"),
        "unit_price.range": col("unit_price").cast("decimal(18,3)") <= 0,
        "customer_id.pattern": ~col("customer_id").rlike("^[0-9]{5}(\\.0+)?$"),
    }
    typed = {
        "quantity": col("quantity").cast("int"),
        "invoice_date": moment("invoice_date"),
        "unit_price": col("unit_price").cast("decimal(18,3)"),
        "customer_id": F.regexp_replace("customer_id", "\\.0+$", ""),
    }
    return columns, checks, typed, ["invoice_no", "stock_code", "quantity", "invoice_date", "unit_price"], "invoice_date", "invoice_date"


FEED = {"transactions": transactions, "sales": sales}[os.path.basename(file).split("-")[0]]
COLUMNS, CHECKS, TYPED, KEYS, ORDER_BY, DATED = FEED()
rows = spark.read.schema(", ".join(f"{name} string" for name in COLUMNS)).option("header", True).csv(file)
checked = rows.withColumn("reasons", F.concat_ws(", ", *[F.when(broken, reason) for reason, broken in CHECKS.items()])).cache()
good = (
    checked.where("reasons = ''")
    .drop("reasons")
    .withColumn("place", F.row_number().over(Window.partitionBy(*KEYS).orderBy(F.desc(ORDER_BY))))
    .where("place = 1")
    .drop("place")
    .withColumns(TYPED)
    .withColumn("month", F.date_format(DATED, "yyyy-MM"))
)
good.repartition("month").write.partitionBy("month").parquet(f"{folder}/published")
checked.where("reasons <> ''").coalesce(1).write.parquet(f"{folder}/quarantine")
seconds = time.perf_counter() - started
# The Java process is a child that is still alive: its memory is not in these figures.
print(json.dumps({"seconds": seconds, "figures": {}, "peakMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
