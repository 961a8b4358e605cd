"""Counts the rows of real files by programs that know nothing of Headgate. Arguments: files. Prints {path: rows}."""

import json
import sys

import fastavro
import openpyxl
import pyarrow.parquet


def rows_of(path):
    if path.endswith(".avro"):
        with open(path, "rb") as file:
            return sum(1 for _ in fastavro.reader(file))
    if path.endswith(".xlsx"):
        sheet = openpyxl.load_workbook(path).worksheets[0]
        return sum(1 for row in sheet.iter_rows(min_row=2, values_only=True) if any(cell is not None for cell in row))
    if path.endswith(".parquet"):
        return pyarrow.parquet.read_table(path).num_rows
    with open(path, encoding="utf-8") as file:
        return len(json.load(file)) if path.endswith(".json") else sum(1 for line in file if line.strip())


print(json.dumps({path: rows_of(path) for path in sys.argv[1:]}))
