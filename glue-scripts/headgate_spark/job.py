"""The whole work of a run: read the job, stage, take the steps, write the outputs, answer."""

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
    pieces = clock.take("stage", lambda: stage(spark, job, places["staged"], places["memory"]))
    relations.bind_secrets(spark, pads)
    relations.bind_functions(spark)
    relations.bind_batch(spark, job, pieces)
    relations.bind_tables(spark, job)
    clock.take("steps", lambda: relations.take_steps(spark, job, places["staged"]))
    taken = clock.take("measure", lambda: measures.take(spark, job))
    empty = empty_outputs(taken["measures"])
    written = []
    for output in job["outputs"]:
        folder = places["outputs"][output["name"]]
        files = [] if output["name"] in empty else clock.take(
            f"write {output['name']}", lambda: outputs.write(spark, output, folder, places["memory"])
        )
        written.append({"name": output["name"], "files": files, "removes": taken["removes"][output["name"]]})
    return {"runId": job["runId"], "outputs": written, "measures": taken["measures"], "losses": taken["losses"], "seconds": clock.seconds}


def empty_outputs(measured):
    """Outputs of which the measures say that there is nothing to write."""

    def total(*names):
        return sum(int(row["value"]) for row in measured if row["name"] in names)

    return {name for name, rows in (("quarantine", total("quarantined", "kept:quarantine")), ("curated", total("published", "kept:curated", "derived:curated"))) if rows == 0}
