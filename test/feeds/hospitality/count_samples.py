"""Counts what samples/hospitality holds and reconciles it, with Python's csv and json, openpyxl and lxml. Argument: the folder. Prints JSON."""

import csv
import json
import re
import sys
from collections import Counter, defaultdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
from lxml import etree

root = Path(sys.argv[1])
STATES = {"BOOKED", "CHECKED_IN", "CHECKED_OUT", "CANCELLED", "NO_SHOW"}


def harbour(path):
    with open(path, newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            yield [row[name] for name in ("reservation_id", "arrival", "departure", "status", "total_amount", "currency", "updated_at")]


def meadow(path):
    sheet = openpyxl.load_workbook(path, data_only=True)["Reservations"]
    for row in sheet.iter_rows(min_row=4, values_only=True):
        if any(value is not None for value in row):
            arrival, departure = row[4].date().isoformat(), row[5].date().isoformat()
            total = "" if row[7] is None else f"{row[7]:.2f}"
            yield [row[0], arrival, departure, row[6], total, row[8], row[9].isoformat()]


def summit(path):
    for element in etree.parse(path).getroot().findall("reservations/reservation"):
        stay, total = element.find("stay"), element.find("total")
        amount, currency = ("", "") if total is None else (total.text, total.get("currency"))
        yield [element.get("id"), stay.get("from"), stay.get("to"), element.findtext("status"), amount, currency, element.get("changed")]


def is_date(text):
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text)) and date.fromisoformat(text) is not None
    except ValueError:
        return False


def is_good(row):
    key, arrival, departure, status, total, currency, _changed = row
    return (
        re.fullmatch(r"(HAR|MEA|SUM)-\d{4}", key) is not None
        and is_date(arrival)
        and is_date(departure)
        and departure >= arrival
        and status.strip().upper() in STATES
        and re.fullmatch(r"\d+\.\d{1,2}", total) is not None
        and re.fullmatch(r"[A-Z]{3}", currency) is not None
    )


received, refused, reservations, folios = {}, {}, {}, {}
for reader, pattern in ((harbour, "harbour/*.csv"), (meadow, "meadow/*.xlsx"), (summit, "summit/*.xml")):
    for path in sorted(root.glob(f"reservations/{pattern}")):
        rows = list(reader(path))
        name = str(path.relative_to(root))
        received[name] = len(rows)
        refused[name] = sum(not is_good(row) for row in rows)
        for row in filter(is_good, rows):
            if row[0] not in reservations or datetime.fromisoformat(reservations[row[0]][6]) <= datetime.fromisoformat(row[6]):
                reservations[row[0]] = row
for path in sorted(root.glob("folios/*.json")):
    rows = json.loads(path.read_text())["folios"]
    good = [row for row in rows if re.fullmatch(r"\d+\.\d{1,2}", row["total"]["amount"])]
    name = str(path.relative_to(root))
    received[name], refused[name] = len(rows), len(rows) - len(good)
    for row in good:
        folios[row["folio_id"]] = row

bare = {re.sub(r"[ -]", "", key).upper(): key for key in reservations}
assert len(bare) == len(reservations)
charged, keys, stray = defaultdict(list), Counter(), Decimal(0)
for row in folios.values():
    given = row["reservation"].get("id")
    amount = Decimal(row["total"]["amount"])
    if given in reservations:
        keys["exact"] += 1
        charged[given].append((amount, row["total"]["currency"]))
    elif given is not None and given.strip() != "" and re.sub(r"[ -]", "", given).upper() in bare:
        keys["misaligned"] += 1
        charged[bare[re.sub(r"[ -]", "", given).upper()]].append((amount, row["total"]["currency"]))
    else:
        keys["null" if given is None or given.strip() == "" else "unknown"] += 1
        stray += amount

findings, difference = Counter(), Decimal(0)
for key, row in reservations.items():
    amount = sum((each for each, _ in charged[key]), Decimal(0))
    if not charged[key]:
        findings["reservation_without_folio"] += 1
    elif any(currency != row[5] for _, currency in charged[key]):
        findings["currency_differs"] += 1
    elif amount != Decimal(row[4]):
        findings["amount_differs"] += 1
        difference += amount - Decimal(row[4])
    else:
        findings["matched"] += 1
findings["folio_without_reservation"] = keys["null"] + keys["unknown"]

json.dump(
    {
        "received": received,
        "refused": refused,
        "reservations": len(reservations),
        "folios": len(folios),
        "keys": keys,
        "findings": findings,
        "difference": str(difference),
        "stray": str(stray),
    },
    sys.stdout,
)
