"""One DuckDB for one task of an executor."""

import contextlib
import tempfile

import duckdb

from headgate_spark.failures import Failure, from_duckdb


@contextlib.contextmanager
def session(memory):
    """One thread: Spark gives each task a core. Insertion order is kept: a row's place gives its number."""
    with tempfile.TemporaryDirectory(prefix="headgate-spill-") as spill:
        config = {"threads": "1", "memory_limit": memory, "temp_directory": spill}
        try:
            with duckdb.connect(":memory:", config=config) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                yield connection
        except duckdb.Error as error:
            raise from_duckdb(error) from None


def require_version(version):
    if duckdb.__version__ != version:
        raise Failure(
            "terminal",
            f"DuckDB {duckdb.__version__} is installed for Spark, the plan was made for {version}; install glue-scripts/requirements.txt",
        )


def literal(text):
    return text.replace("'", "''")
