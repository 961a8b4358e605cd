"""Glue: a job runs its script under real PySpark (HEADGATE_SPARK_PYTHON). A script that is missing or raises ends the run as FAILED."""

import os
import subprocess
import tempfile
from types import SimpleNamespace

from ministack.services import glue

from seams import replace

ERROR_CHARACTERS = 4_000


def install():
    # What is asked whether an image is there before a job is run rather than said to have succeeded.
    runner = SimpleNamespace(images=SimpleNamespace(get=lambda image: image))
    replace(glue, "_get_docker", lambda original: lambda: runner)
    replace(glue, "_resolve_script", lambda original: lambda location: location or "missing")
    replace(glue, "_execute_spark_docker", lambda original: execute)
    replace(glue, "_execute_subprocess", lambda original: refuse)


def refuse(run, job, args, resolved):
    run["JobRunState"] = "FAILED"
    run["ErrorMessage"] = "this emulator runs Spark jobs only"


def execute(run, job, job_name, args, script, docker):
    try:
        with tempfile.TemporaryDirectory(prefix="glue-") as folder:
            failed = submit(folder, job, args, script)
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"
    run["JobRunState"] = "SUCCEEDED" if failed is None else "FAILED"
    run["ErrorMessage"] = failed or ""


def submit(folder, job, args, script):
    """None, or the end of what the job printed."""
    import boto3

    s3 = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}")

    def fetched(address):
        bucket, key = address.removeprefix("s3://").split("/", 1)
        path = os.path.join(folder, os.path.basename(key))
        s3.download_file(bucket, key, path)
        return path

    program = fetched(script)
    modules = [fetched(each) for each in args.get("--extra-py-files", "").split(",") if each]
    python = os.environ["HEADGATE_SPARK_PYTHON"]
    command = [
        os.path.join(os.path.dirname(python), "spark-submit"),
        *(["--py-files", ",".join(modules)] if modules else []),
        "--master", "local[2]", "--driver-memory", "1g",
        "--conf", "spark.ui.enabled=false", "--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.driver.host=127.0.0.1",
        "--conf", f"spark.local.dir={folder}", "--conf", f"spark.sql.warehouse.dir={folder}/warehouse",
        program,
        *[part for pair in args.items() for part in pair],
    ]  # fmt: skip
    environment = {
        **os.environ,
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
        "PYTHONDONTWRITEBYTECODE": "1",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60 * job.get("Timeout", 10))
    said = done.stdout + done.stderr
    with open(os.environ["HEADGATE_SPARK_LOG"], "a", encoding="utf-8") as log:
        log.write(said)
    return None if done.returncode == 0 else said[-ERROR_CHARACTERS:]
