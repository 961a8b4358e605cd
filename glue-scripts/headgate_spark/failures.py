"""Failures by what helps, as in lib/errors.ts. No message holds the value of a row."""

import json
import re

MARK = "headgate-failure "

# What the operating system refused, as in duckdb-session.ts.
PASSING = re.compile(
    r"^Out of Memory Error|^IO Error: (Cannot open|Could not (?!read enough)|No files found|Failed to (create|delete|remove))"
    r"|^IO Error.*(No space left|Disk quota|Too many open files)",
    re.S,
)


class Failure(Exception):
    """`kind`: `poison` (bytes of a file), `terminal` (the same job can't succeed) `transient` (it may), or `unclear` (it may, or else it was bytes)."""

    def __init__(self, kind, message):
        super().__init__(MARK + json.dumps({"kind": kind, "message": message}))
        self.kind = kind
        self.message = message

    def __reduce__(self):
        return (Failure, (self.kind, self.message))


def from_duckdb(error):
    """DuckDB's message may quote a value: then only its kind is shown (the rule of duckdb-session.ts)."""
    text = str(error).strip()
    kind = (re.match(r"[A-Za-z ]+(?=:)", text) or ["error"])[0]
    if PASSING.search(text):
        return Failure("transient", f"DuckDB on an executor: {kind}; free memory or disk and run again")
    if text.startswith("IO Error"):
        return Failure("unclear", f"DuckDB on an executor: {kind}; check disk and memory and run again")
    if re.match(r"(Binder|Catalog|Parser|Internal|Not implemented|INTERNAL) Error", text):
        return Failure("terminal", f"DuckDB on an executor: {text.splitlines()[0]}")
    return Failure("poison", f"DuckDB on an executor: {kind}")


def from_spark(error):
    """An error of Spark itself; one of ours that crossed the JVM is found again by its mark."""
    text = str(error)
    found = re.search(re.escape(MARK) + r'(\{"kind": "[a-z]+", "message": "(?:[^"\\]|\\.)*"\})', text)
    if found:
        return Failure(**json.loads(found[1]))
    name = type(error).__name__
    if name in ("AnalysisException", "ParseException", "IllegalArgumentException"):
        return Failure("terminal", f"Spark: {name}: {text.splitlines()[0]}")
    condition = re.search(r"\[([A-Z][A-Z0-9_.]+)\]", text)
    # Arithmetic in ANSI mode: the same rows fail again.
    if condition and condition[1].split(".")[0] in ("ARITHMETIC_OVERFLOW", "NUMERIC_VALUE_OUT_OF_RANGE", "DIVIDE_BY_ZERO"):
        return Failure("poison", f"Spark: {condition[1]}")
    return Failure("transient", f"Spark: {condition[1] if condition else java_class(text) or name}; see the job's log, and run again")


def java_class(text):
    """The innermost exception that a Java stack trace names."""
    causes = re.findall(r"(?:Caused by: |: )((?:[a-z]\w*\.)+[A-Z]\w*)", text)
    return causes[-1] if causes else None
