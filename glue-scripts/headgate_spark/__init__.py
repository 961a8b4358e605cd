"""Executes a Headgate plan on Spark: DuckDB on the executors reads and writes files, Spark does what needs all rows together."""
