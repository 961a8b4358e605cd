"""What a run counts, in one query: Spark pays for each query, and for each relation in it, more than for the rows of most batches."""

from headgate_spark.relations import sql_literal as text


def take(spark, job):
    """Measures of the job, its losses, and the paths that leave each output, by name."""
    measures = job["measures"]
    selects = [plain(measure) for measure in measures if "counts" not in measure]
    selects += [counted(group) for group in grouped([measure for measure in measures if "counts" in measure])]
    selects += [select(text(name), "NULL", "NULL", first, second, f"({sql}) AS q") for name, sql, first, second in named(job)]
    rows = [row.asDict() for row in spark.sql(" UNION ALL ".join(selects)).collect()]
    return {
        "measures": [measure(row) for row in rows if not row["name"].startswith(OTHER)],
        "losses": [{"winner": row["code"], "loser": row["value"]} for row in rows if row["name"] == LOSSES],
        "removes": {output["name"]: [row["value"] for row in rows if row["name"] == REMOVES + output["name"]] for output in job["outputs"]},
    }


OTHER = "headgate:"
LOSSES, REMOVES = f"{OTHER}losses", f"{OTHER}removes:"


def named(job):
    losses = [(LOSSES, job["losses"], "winner", "loser")] if "losses" in job else []
    return losses + [(REMOVES + output["name"], output["removes"], "NULL", "path") for output in job["outputs"] if "removes" in output]


def measure(row):
    return {key: value for key, value in row.items() if value is not None or key in ("_file", "value")}


def plain(measure):
    return select(text(measure["name"]), "_file", "NULL", "NULL", "value", f"({measure['sql']}) AS q")


def grouped(measures):
    """Measures of the same rows: one pass counts them all."""
    groups = {}
    for each in measures:
        counts = each["counts"]
        groups.setdefault((counts["of"], counts.get("by")), []).append(each)
    return groups.values()


def counted(group):
    counts = group[0]["counts"]
    by = counts.get("by")
    number, code = ("number" if by == "number" else "NULL"), ("code" if by == "code" else "NULL")
    columns = ", ".join(f"count_if({each['counts'].get('where', 'true')}) AS c{index}" for index, each in enumerate(group))
    pairs = ", ".join(f"{text(each['name'])}, c{index}" for index, each in enumerate(group))
    keys = "_file" if by is None else f"_file, {by}"
    rows = f"SELECT {keys}, {columns} FROM {counts['of']} GROUP BY {keys}"
    listed = f"SELECT {keys}, stack({len(group)}, {pairs}) AS (name, value) FROM ({rows}) AS q"
    return select("name", "_file", number, code, "value", f"({listed}) AS s WHERE value > 0")


def select(name, file, number, code, value, rows):
    columns = f"CAST({file} AS INT) AS _file, CAST({number} AS INT) AS number, CAST({code} AS STRING) AS code, CAST({value} AS STRING) AS value"
    return f"SELECT {name} AS name, {columns} FROM {rows}"
