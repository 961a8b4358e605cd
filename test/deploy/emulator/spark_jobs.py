"""Glue: a job runs its script under real PySpark (HEADGATE_SPARK_PYTHON), and a state machine may start one and wait for it. A script that is
missing or raises ends the run as FAILED."""

import glob
import importlib.util
import json
import os
import subprocess
import tempfile
import time
from types import SimpleNamespace

from ministack.services import glue, stepfunctions

from seams import answered, replace

ERROR_CHARACTERS = 4_000
AWSGLUE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "awsglue")


def install():
    # What is asked whether an image is there before a job is run rather than said to have succeeded.
    runner = SimpleNamespace(images=SimpleNamespace(get=lambda image: image))
    replace(glue, "_get_docker", lambda original: lambda: runner)
    replace(glue, "_resolve_script", lambda original: lambda location: location or "missing")
    replace(glue, "_execute_spark_docker", lambda original: execute)
    replace(glue, "_execute_subprocess", lambda original: refuse)
    stepfunctions._SERVICE_DISPATCH[SYNC] = start_and_wait


SYNC = "arn:aws:states:::glue:startJobRun"
ENDED = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR")


def start_and_wait(resource, given):
    """As https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html: a run that fails is States.TaskFailed with the run as its cause."""
    if resource != f"{SYNC}.sync":
        raise stepfunctions._ExecutionError("States.Runtime", f"{resource} is not made by the launcher")
    status, _, body = glue._start_job_run(given)
    if status >= 300:
        raise stepfunctions._ExecutionError(f"Glue.{json.loads(body)['__type']}", body.decode() if isinstance(body, bytes) else body)
    wanted = {"JobName": given["JobName"], "RunId": json.loads(body)["JobRunId"]}
    while True:
        run = answered(glue._get_job_run(wanted))["JobRun"]
        if run["JobRunState"] == "SUCCEEDED":
            return run
        if run["JobRunState"] in ENDED:
            raise stepfunctions._ExecutionError("States.TaskFailed", json.dumps(run, default=str))
        time.sleep(0.2)


def refuse(run, job, args, resolved):
    run["JobRunState"] = "FAILED"
    run["ErrorMessage"] = "this emulator runs Spark jobs only"


def execute(run, job, job_name, args, script, docker):
    try:
        with tempfile.TemporaryDirectory(prefix="glue-") as folder:
            failed = submit(folder, job, {**args, "--JOB_NAME": job_name, "--JOB_ID": "j", "--JOB_RUN_ID": run["Id"]}, script)
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"
    run["JobRunState"] = "SUCCEEDED" if failed is None else "FAILED"
    run["ErrorMessage"] = failed or ""


def submit(folder, job, args, script):
    """None, or the end of what the job printed."""
    import boto3

    s3 = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}", aws_access_key_id="test", aws_secret_access_key="test")

    def fetched(address):
        bucket, key = address.removeprefix("s3://").split("/", 1)
        path = os.path.join(folder, os.path.basename(key))
        s3.download_file(bucket, key, path)
        return path

    program = fetched(script)
    modules = [fetched(each) for each in args.get("--extra-py-files", "").split(",") if each]
    python = os.environ["HEADGATE_SPARK_PYTHON"]
    endpoint = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"
    command = [
        os.path.join(os.path.dirname(python), "spark-submit"),
        *(["--py-files", ",".join(modules)] if modules else []),
        "--master", "local[2]", "--driver-memory", "1g",
        "--conf", "spark.ui.enabled=false", "--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.driver.host=127.0.0.1",
        "--jars", ",".join(glob.glob(os.path.join(os.environ["HEADGATE_SPARK_JARS"], "*.jar"))),
        *[part for name, value in s3_options(endpoint).items() for part in ("--conf", f"spark.hadoop.{name}={value}")],
        "--conf", f"spark.local.dir={folder}", "--conf", f"spark.sql.warehouse.dir={folder}/warehouse",
        program,
        *[part for pair in args.items() for part in pair],
    ]  # fmt: skip
    environment = {
        **os.environ,
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": lent(folder),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "AWS_ENDPOINT_URL": endpoint,
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60 * job.get("Timeout", 10))
    said = done.stdout + done.stderr
    with open(os.environ["HEADGATE_SPARK_LOG"], "a", encoding="utf-8") as log:
        log.write(said)
    return None if done.returncode == 0 else said[-ERROR_CHARACTERS:]


def s3_options(endpoint):
    """Glue reads s3:// addresses by a file system of its own; here Hadoop's does."""
    return {
        "fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "fs.s3a.endpoint": endpoint,
        "fs.s3a.endpoint.region": "eu-west-1",
        "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": "false",
        "fs.s3a.access.key": "test",
        "fs.s3a.secret.key": "test",
    }


def lent(folder):
    """A folder with what Glue has: the SDK for Python, and its own package, of whose reader of options only what it refuses is here."""
    packages = os.path.join(folder, "glue-has")
    os.mkdir(packages)
    os.symlink(AWSGLUE, os.path.join(packages, "awsglue"))
    for name in ("boto3", "botocore", "s3transfer", "jmespath", "urllib3"):
        os.symlink(os.path.dirname(importlib.util.find_spec(name).origin), os.path.join(packages, name))
    return packages
