"""Writes one table in every format, by programs that know nothing of Headgate. Argument: folder. Prints the names of the files."""

import bz2
import csv
import gzip
import io
import json
import sys
import zipfile
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import fastavro
import openpyxl
import pyarrow
import pyarrow.parquet
import zstandard
from lxml import etree

folder = Path(sys.argv[1])
UTC = timezone.utc
ROWS = [
    (1, "plain", Decimal("10.50"), datetime(2026, 1, 31, 23, 59, 59, 125000, UTC), date(2026, 1, 31), True, "Delft", ["a", "b"]),
    (2, 'with "quotes", a comma', Decimal("-0.05"), datetime(1969, 12, 31, 23, 0, 0, 0, UTC), date(1900, 3, 1), False, "Zürich", []),
    (9007199254740993, "漢字 and 🦔", Decimal("9999999999.99"), datetime(2024, 2, 29, 12, 30, 15, 0, UTC), date(2024, 2, 29), True, "", ["x"]),
    (4, None, None, None, None, None, None, None),
    (5, "007", Decimal("0.10"), datetime(2026, 6, 1, 0, 0, 0, 0, UTC), date(9999, 12, 31), False, "a|b", ["1", "2", "3"]),
]
NAMES = ["id", "name", "amount", "seen", "day", "active", "city", "tags"]


def stamp(value):
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


def texts(row):
    number, name, amount, at, day, active, city, tags = row
    return [
        str(number),
        name,
        None if amount is None else str(amount),
        stamp(at),
        None if day is None else day.isoformat(),
        None if active is None else str(active).lower(),
        city,
        None if tags is None else json.dumps(tags, separators=(",", ":")),
    ]


def csv_bytes(rows):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(NAMES)
    for row in rows:
        writer.writerow(["" if text is None else text for text in texts(row)])
    return out.getvalue().encode()


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)


class Number(float):
    """A decimal that `json` writes with its own digits."""

    def __repr__(self):
        return self.text


def nested(row, element=None):
    number, name, amount, at, day, active, city, tags = row
    exact = None
    if amount is not None:
        exact = Number(amount)
        exact.text = str(amount)
    record = {"id": number, "name": name, "amount": exact, "seen": stamp(at), "day": None if day is None else day.isoformat()}
    return {**record, "active": active, "address": None if city is None else {"city": city}, "tags": tags}


def write_json():
    (folder / "json").write_text(json.dumps([nested(row) for row in ROWS], indent=1, ensure_ascii=False))
    envelope = {"meta": {"data": [1, {"rows": []}]}, "data": {"skipped": "[{", "rows": [nested(row) for row in ROWS]}, "end": [[]]}
    (folder / "json-envelope").write_text(json.dumps(envelope))
    (folder / "jsonl").write_text("".join(json.dumps(nested(row)) + "\n" for row in ROWS))
    # Rows 1 to 3 and 4 to 5 inside two records; what is below `items` is a row.
    batches = [{"batch": "x", "items": [nested(row) for row in ROWS[:3]]}, {"items": [nested(row) for row in ROWS[3:]], "batch": "x"}]
    (folder / "jsonl-rows").write_text("".join(json.dumps(batch) + "\n" for batch in batches))


AVRO = {
    "type": "record",
    "name": "row",
    "namespace": "test",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "name", "type": ["null", "string"], "default": None},
        {"name": "amount", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}]},
        {"name": "seen", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {"name": "day", "type": [{"type": "int", "logicalType": "date"}, "null"]},
        {"name": "active", "type": ["null", "boolean"]},
        {"name": "address", "type": ["null", {"type": "record", "name": "address", "fields": [{"name": "city", "type": "string"}]}]},
        {"name": "tags", "type": ["null", {"type": "array", "items": "string"}]},
    ],
}


def write_avro():
    records = []
    for number, name, amount, at, day, active, city, tags in ROWS:
        address = None if city is None else {"city": city}
        records.append(dict(zip(["id", "name", "amount", "seen", "day", "active", "address", "tags"], [number, name, amount, at, day, active, address, tags])))
    for codec in ["null", "deflate", "snappy", "zstandard"]:
        with open(folder / f"avro-{codec}", "wb") as out:
            fastavro.writer(out, fastavro.parse_schema(AVRO), records, codec=codec, sync_interval=64)


def write_xml(cdata):
    space = "urn:hotel"
    root = etree.Element(f"{{{space}}}report", nsmap={"h": space, "xsi": "http://www.w3.org/2001/XMLSchema-instance"})
    etree.SubElement(root, f"{{{space}}}made").text = "today"
    rows = etree.SubElement(root, f"{{{space}}}rows")
    for row in ROWS:
        number, name, amount, at, day, active, city, tags = texts(row)
        element = etree.SubElement(rows, f"{{{space}}}row", id=number)
        for key, text in [("name", name), ("amount", amount), ("seen", at), ("day", day), ("active", active)]:
            child = etree.SubElement(element, f"{{{space}}}{key}")
            if text is None:
                child.set("{http://www.w3.org/2001/XMLSchema-instance}nil", "true")
            else:
                child.text = etree.CDATA(text) if cdata and key == "name" else text
        if city is not None:
            etree.SubElement(etree.SubElement(element, f"{{{space}}}address"), f"{{{space}}}city", lang="x").text = city
        for tag in row[7] or []:
            etree.SubElement(element, f"{{{space}}}tag").text = tag
    document = etree.ElementTree(root)
    if not cdata:
        document.write(folder / "xml-latin-1", encoding="iso-8859-1", xml_declaration=True)
        return
    document.write(folder / "xml", encoding="utf-8", xml_declaration=True, pretty_print=True)
    document.write(folder / "xml-utf-16", encoding="utf-16", xml_declaration=True)


def write_xlsx():
    for name, epoch in [("xlsx", openpyxl.utils.datetime.WINDOWS_EPOCH), ("xlsx-1904", openpyxl.utils.datetime.MAC_EPOCH)]:
        book = openpyxl.Workbook()
        book.epoch = epoch
        book.active.append(["another", "sheet"])
        sheet = book.create_sheet("Data")
        sheet.append(["made by", "a system"])
        sheet.append(NAMES)
        for row in ROWS:
            number, label, amount, at, day, active, city, tags = row
            old = lambda value: value is not None and (value.year < 1904)
            cells = [
                str(number) if number > 2**53 else number,
                label,
                amount,
                stamp(at) if at is None or at.year < 1970 else at.replace(tzinfo=None),
                day.isoformat() if old(day) else day,
                active,
                city,
                None if tags is None else json.dumps(tags, separators=(",", ":")),
            ]
            sheet.append(cells)
            sheet.append([])
        book.save(folder / name)


WIDTHS = [20, 30, 15, 30, 12, 6, 10, 20]


def write_fixed():
    lines = []
    for row in ROWS:
        parts = [("" if text is None else text) for text in texts(row)]
        parts[2] = parts[2].rjust(WIDTHS[2])
        lines.append("".join(part.ljust(width) for part, width in zip(parts, WIDTHS)))
    (folder / "fixed-width").write_text("HEADER\n" + "\r\n".join(lines) + "\r\n", newline="")


def write_parquet():
    columns = {
        "id": pyarrow.array([row[0] for row in ROWS], pyarrow.int64()),
        "name": [row[1] for row in ROWS],
        "amount": pyarrow.array([row[2] for row in ROWS], pyarrow.decimal128(12, 2)),
        "seen": [stamp(row[3]) for row in ROWS],
        "day": [row[4] for row in ROWS],
        "active": [row[5] for row in ROWS],
        "city": [row[6] for row in ROWS],
        "tags": [texts(row)[7] for row in ROWS],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "parquet")


data = csv_bytes(ROWS)
(folder / "csv").write_bytes(data)
(folder / "csv-gzip").write_bytes(gzip.compress(data))
(folder / "csv-zstd").write_bytes(zstandard.compress(data))
(folder / "csv-bzip2").write_bytes(bz2.compress(data))
zipped(folder / "csv-zip", [("only.csv", data)])
zipped(folder / "csv-zip-members", [("a/", b""), ("a/1.csv", csv_bytes(ROWS[:2]).rstrip(b"\n")), ("a/2.csv", csv_bytes([])), ("b.csv", csv_bytes(ROWS[2:]))])
write_json()
zipped(folder / "jsonl-zip-members", [(f"{n}.jsonl", json.dumps(nested(row)) + "\n") for n, row in enumerate(ROWS)])
write_avro()
write_xml(cdata=True)
write_xml(cdata=False)
write_xlsx()
write_fixed()
write_parquet()
print(json.dumps(sorted(path.name for path in folder.iterdir())))
