"""The whole work of a run: read the job, stage, take the steps, write the outputs, answer."""

from concurrent.futures import ThreadPoolExecutor

from headgate_spark import measures, outputs, relations, storage
from headgate_spark.duck import require_version
from headgate_spark.failures import Failure
from headgate_spark.program import Clock
from headgate_spark.stage import stage

JOB_VERSION = 1
OUTPUT_BYTES = 128 * 1024 * 1024


def run(spark, address, pads, attempt, memory):
    """Executes the job at an address. True where this attempt's answer is the accepted one; another attempt may have been first."""
    job = storage.read_json(address)
    if job["version"] != JOB_VERSION:
        raise Failure("terminal", f"job {job['runId']} has version {job['version']}; this script executes version {JOB_VERSION}")
    require_version(job["duckdb"])
    session = spark.newSession()
    # Enough pieces that each fits in memory; adaptive execution joins small ones again.
    session.conf.set("spark.sql.shuffle.partitions", max(1, min(2000, -(-job["bytes"] // (OUTPUT_BYTES // 2)))))
    folders = {output["name"]: f"{output['folder']}/{attempt}" for output in job["outputs"]}
    staged = f"{job['scratch']}/{attempt}"
    accepted = False
    try:
        answer = execute(session, job, pads, {"outputs": folders, "staged": staged, "memory": memory})
        accepted = storage.write_once(job["answer"], answer)
        return accepted
    finally:
        session.catalog.clearCache()
        storage.remove_tree(staged)
        if not accepted:
            for folder in folders.values():
                storage.remove_tree(folder)


def execute(spark, job, pads, places):
    clock = Clock()
    with ThreadPoolExecutor(1) as pool:
        # Python works on the executors, and Java has time for what does not need the batch.
        staging = pool.submit(clock.take, "stage", lambda: stage(spark, job, places["staged"], places["memory"]))
        relations.bind_secrets(spark, pads)
        relations.bind_functions(spark)
        relations.bind_files(spark, job)
        relations.bind_tables(spark, job)
    relations.bind_batch(spark, job, staging.result())
    clock.take("steps", lambda: relations.take_steps(spark, job, places["staged"]))

    # While Spark plans one of them on one core, the others have the cores that are free. None is at work when this block ends, however it ends:
    # what follows a failure removes their folders.
    with ThreadPoolExecutor(1 + len(job["outputs"])) as pool:
        counting = pool.submit(clock.take, "measure", lambda: measures.take(spark, job))

        def files(output):
            # Mostly there are none, and measures are known before the other outputs are written.
            if output["name"] == "quarantine" and not refused(counting.result()["measures"]):
                return []
            folder = places["outputs"][output["name"]]
            return clock.take(f"write {output['name']}", lambda: outputs.write(spark, output, folder, places["memory"]))

        writing = [pool.submit(files, output) for output in job["outputs"]]
    taken = counting.result()
    written = [
        {"name": output["name"], "files": each.result(), "removes": taken["removes"][output["name"]]} for output, each in zip(job["outputs"], writing)
    ]
    return {"runId": job["runId"], "outputs": written, "measures": taken["measures"], "losses": taken["losses"], "seconds": clock.seconds}


def refused(measured):
    return any(row["name"] in ("quarantined", "kept:quarantine") and int(row["value"]) > 0 for row in measured)
