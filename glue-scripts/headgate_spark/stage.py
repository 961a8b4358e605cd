"""From the bytes of the batch to typed rows in Parquet, by DuckDB on the executors."""

import os

import pyarrow.parquet as pq
from pyspark.sql.pandas.types import from_arrow_schema

from headgate_spark import storage
from headgate_spark.duck import literal, session
from headgate_spark.failures import Failure

OUT, SHIFTED, PART = "@headgate:out@", "@headgate:shifted@", "@headgate:part@"


def stage(spark, job, folder, memory):
    """Staged pieces in the order of files and records: dicts of `path`, its `schema`, `rejects` (path or None), `part`, `counts` and `firsts` by file."""
    context = spark.sparkContext
    whole = [task for task in job["tasks"] if "split" not in task]
    pieces = [{"task": task} for task in whole] + cut(context, [task for task in job["tasks"] if "split" in task])
    work = [{**piece, "part": part} for part, piece in enumerate(pieces)]
    if not work:
        return []
    staged = gather(context.parallelize(work, len(work)).map(lambda piece: guarded(stage_piece, piece, folder, memory)))
    return sorted(staged, key=lambda piece: piece["part"])


def guarded(work, *arguments):
    """Failures that no retry cures come back as data: Spark would try the task again and log a stack trace."""
    try:
        return {"done": work(*arguments)}
    except Failure as failure:
        if failure.kind in ("transient", "unclear"):
            raise
        return {"failure": [failure.kind, failure.message]}


def gather(rdd):
    answers = rdd.collect()
    for answer in answers:
        if "failure" in answer:
            raise Failure(*answer["failure"])
    return [answer["done"] for answer in answers]


def cut(context, tasks):
    """Pieces of large files that begin and end at line ends; the whole file where its lines are not its records."""
    ranges = [
        (index, start, min(start + task["split"]["pieceBytes"], task["split"]["bytes"]))
        for index, task in enumerate(tasks)
        for start in range(0, task["split"]["bytes"], task["split"]["pieceBytes"])
    ]
    if not ranges:
        return []
    places = [task["files"][0] for task in tasks]
    found = gather(
        context.parallelize(ranges, len(ranges)).map(lambda each: guarded(scan, places[each[0]], each, bytes_of(tasks[each[0]])))
    )
    pieces = []
    for index, task in enumerate(tasks):
        scans = sorted((each for each in found if each["task"] == index), key=lambda each: each["start"])
        lines = sum(each["ends"] for each in scans) + (0 if scans[-1]["closed"] else 1)
        if lines != task["split"]["lines"]:
            pieces.append({"task": task})
            continue
        starts = [0] + [each["first"] for each in scans[1:] if each["first"] is not None]
        ends = starts[1:] + [task["split"]["bytes"]]
        pieces += [{"task": task, "range": [start, end]} for start, end in zip(starts, ends) if start < end]
    return pieces


def bytes_of(task):
    return task["split"]["bytes"]


def scan(place, each, size):
    """Line ends from `start` to `end`, and where the first line begins that starts in there."""
    index, start, end = each
    ends, position, first, last = 0, start, None, b""
    for chunk in storage.chunks(place["path"], place["etag"], start, end):
        if first is None and (at := chunk.find(b"\n")) >= 0:
            first = position + at + 1
        ends += chunk.count(b"\n")
        position += len(chunk)
        last = chunk[-1:]
    return {"task": index, "start": start, "ends": ends, "first": first, "closed": end == size and last == b"\n"}


def stage_piece(piece, folder, memory):
    task, part = piece["task"], piece["part"]
    start, end = piece.get("range", [None, None])
    statements = task["split"]["rest"] if start else task["statements"]
    with Opened(task["files"], start, end) as paths, storage.writable(folder) as (local, publish), session(memory) as db:
        out = os.path.join(local, "staged.parquet")
        shifted = os.path.join(local, "shifted.parquet")
        for statement in statements:
            db.execute(filled(statement, paths, out, shifted, part))
        (rejected,) = db.execute("SELECT count(*) FROM rejects").fetchone()
        counts = dict(db.execute(f"SELECT _file, count(*) FROM read_parquet('{literal(out)}', hive_partitioning = false) GROUP BY _file").fetchall())
        firsts = dict(db.execute(f"SELECT _file, min(_n) FROM read_parquet('{literal(out)}', hive_partitioning = false) GROUP BY _file").fetchall())
        rejects = None
        if rejected:
            db.execute(filled(task["shift"], paths, out, shifted, part))
            target = os.path.join(local, "rejects.parquet")
            position = f"byte_start + {start or 0} AS byte_start, byte_end + {start or 0} AS byte_end"
            db.execute(f"COPY (SELECT * REPLACE ({position}), {part} AS _part FROM rejects) TO '{literal(target)}' (FORMAT parquet)")
            out, firsts, rejects = shifted, {file: 1 for file in firsts}, publish(target)
        return {
            "part": part,
            "schema": from_arrow_schema(pq.read_schema(out), prefer_timestamp_ntz=True),
            "path": publish(out),
            "rejects": rejects,
            "firsts": firsts,
            "file": task["files"][0]["file"] if start is not None else None,
            "records": sum(counts.values()) + rejected,
        }


class Opened:
    """The files of a task as local paths by number."""

    def __init__(self, files, start, end):
        self.files, self.start, self.end = files, start, end

    def __enter__(self):
        from contextlib import ExitStack

        self.stack = ExitStack()
        return {
            each["file"]: self.stack.enter_context(storage.readable(each["path"], each["etag"], self.start, self.end))
            for each in self.files
        }

    def __exit__(self, *error):
        return self.stack.__exit__(*error)


def filled(statement, paths, out, shifted, part):
    text = statement.replace(OUT, literal(out)).replace(SHIFTED, literal(shifted)).replace(PART, str(part))
    for file, path in paths.items():
        text = text.replace(f"@headgate:path:{file}@", literal(path))
    return text


def moves(pieces, files):
    """What is added to a row's `_n`, and to a reject's `_row`, to give the record's number in its file: by `_part` of a file that was cut, by `_file` of others."""
    before = {}
    by_part, by_file = [0] * len(pieces), [0] * files
    for piece in pieces:
        if piece["file"] is None:
            for file, first in piece["firsts"].items():
                by_file[file] = 1 - first
        else:
            by_part[piece["part"]] = before.get(piece["file"], 0)
            before[piece["file"]] = by_part[piece["part"]] + piece["records"]
    return by_part, by_file
