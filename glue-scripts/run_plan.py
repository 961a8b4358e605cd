"""Executes a Headgate job: under `spark-submit`, on AWS Glue 5.1, or job after job in one process (`--serve true`).

--job      address of the job document (lib/plan/spark-job.ts): a path, or s3://bucket/key
--secrets  address of the padded keys by name: a path readable by its owner only; or secretsmanager:<prefix>/<names with commas>, secrets that
           hold keys as 64 hexadecimal digits, of which only the driver knows more than the pads
--attempt  name of this attempt's folders; on Glue the id of the job run
--memory   memory of DuckDB in each task, such as 1GB
--parent   id of a local process: when it is gone nobody waits for the answer, and this process ends
"""

import json
import os
import re
import sys
import tempfile
import uuid
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from pyspark.sql import SparkSession

from headgate_spark import job
from headgate_spark.failures import Failure, from_spark
from headgate_spark.program import end_with, options

DEFAULTS = {"memory": "1GB", "secrets": "", "attempt": "", "JOB_RUN_ID": "", "serve": "false", "job": "", "parent": ""}

QUICKNESS = {
    # Keeps the larger side of a join where it lies, when the other one is a list of tokens or of refused rows.
    "spark.sql.autoBroadcastJoinThreshold": "64m",
    # What an RDD has: Python processes that have staged files write the outputs too, instead of others that load DuckDB again.
    "spark.sql.execution.pyspark.udf.simplifiedTraceback.enabled": "false",
}

# What a statement means must not depend on the machine.
MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.caseSensitive": "true",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.fieldId.read.enabled": "true",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
}


def start():
    builder = SparkSession.builder.appName("headgate")
    for name, value in {**MEANING, **QUICKNESS}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    package = os.path.join(os.path.dirname(os.path.abspath(__file__)), "headgate_spark")
    if os.path.isdir(package):
        spark.sparkContext.addPyFile(zipped(package))
    return spark


def zipped(package):
    path = os.path.join(tempfile.mkdtemp(prefix="headgate-"), "headgate_spark.zip")
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(os.listdir(package)):
            if name.endswith(".py"):
                archive.write(os.path.join(package, name), f"headgate_spark/{name}")
    return path


def pads_at(address):
    if address == "":
        return {}
    if address.startswith("secretsmanager:"):
        return pads_from(address.split(":", 1)[1])
    with open(address, encoding="utf-8") as file:
        return json.load(file)


def pads_from(address):
    import boto3

    prefix, names = address.rsplit("/", 1)
    client = boto3.client("secretsmanager")
    keys = {name: client.get_secret_value(SecretId=f"{prefix}/{name}")["SecretString"].strip() for name in names.split(",") if name}
    return {name: pads_of(name, key) for name, key in keys.items()}


BLOCK = 64


def pads_of(name, key):
    """The two padded keys of HMAC-SHA-256 (RFC 2104 section 2), as lib/privacy/pads.ts makes them."""
    if not re.fullmatch("[0-9a-f]{64}", key):
        raise Failure("terminal", f"the secret {name} does not hold a key of 64 hexadecimal digits; nothing was loaded")
    block = bytes.fromhex(key).ljust(BLOCK, b"\0")
    return {"inner": bytes(each ^ 0x36 for each in block).hex(), "outer": bytes(each ^ 0x5C for each in block).hex()}


def execute(spark, given):
    attempt = given["attempt"] or given["JOB_RUN_ID"] or str(uuid.uuid4())
    try:
        job.run(spark, given["job"], pads_at(given["secrets"]), attempt, given["memory"])
    except Failure:
        raise
    except Exception as error:  # whatever Spark says must reach the caller as one of three kinds
        raise from_spark(error) from None


def serve(spark, lines):
    """One JSON of options a line in, one line out: `headgate-done` or a failure."""
    print("headgate-ready", flush=True)
    for line in lines:
        try:
            execute(spark, {**DEFAULTS, **json.loads(line)})
            print("headgate-done", flush=True)
        except Failure as failure:
            print(str(failure), flush=True)


def main(arguments):
    given = options(arguments, DEFAULTS)
    if given["parent"]:
        end_with(given["parent"])
    spark = start()
    if given["serve"] == "true":
        serve(spark, sys.stdin)
    else:
        execute(spark, given)
    spark.stop()


if __name__ == "__main__":
    main(sys.argv)
