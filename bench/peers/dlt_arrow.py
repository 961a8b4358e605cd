"""dlt's fastest documented way from file to files, which checks nothing and does not partition: its DuckDB reader hands on Arrow. <csv> <folder>. Prints what it measured."""
import json, os, resource, sys, time

os.environ.update(RUNTIME__DLTHUB_TELEMETRY="false", RUNTIME__LOG_LEVEL="ERROR", DATA_WRITER__COMPRESSION="zstd")
import dlt
from dlt.sources.filesystem import filesystem, read_csv_duckdb

file, folder = sys.argv[1:]
started = time.perf_counter()
pipeline = dlt.pipeline(
    "bench", destination=dlt.destinations.filesystem(f"file://{folder}"), dataset_name="out", pipelines_dir=f"{folder}/.dlt"
)
files = filesystem(bucket_url=os.path.dirname(file), file_glob=os.path.basename(file))
rows = (files | read_csv_duckdb(chunk_size=100_000, use_pyarrow=True)).with_name("transactions")
pipeline.run(rows, loader_file_format="parquet").raise_on_failed_jobs()
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "figures": {}, "peakMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
