"""Writes samples/hospitality; run by hand: .venv/formats/bin/python test/feeds/hospitality/make_samples.py samples/hospitality. The same bytes each time."""

import csv
import json
import sys
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

import openpyxl
from lxml import etree

root = Path(sys.argv[1])
STATES = ["BOOKED", "CHECKED_IN", "CHECKED_OUT", "CHECKED_OUT", "CANCELLED", "NO_SHOW"]
FIELDS = ["reservation_id", "hotel_code", "guest_name", "guest_email", "arrival", "departure", "status", "total_amount", "currency", "updated_at"]


def booking(hotel, number):
    arrival = date(2026, 3, 1) + timedelta(days=number % 28)
    nights = 1 + number % 4
    return {
        "reservation_id": f"{hotel}-{number}",
        "hotel_code": hotel,
        "guest_name": f"Guest {number}",
        "guest_email": f"guest{number}@example.com",
        "arrival": str(arrival),
        "departure": str(arrival + timedelta(days=nights)),
        "status": STATES[number % 6],
        "total_amount": f"{(100 + number % 50) * nights}.50",
        "currency": "EUR",
        "updated_at": f"2026-02-28T{number % 24:02d}:15:00",
    }


def place(path):
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def harbour(day, rows, fields):
    with open(place(f"reservations/harbour/{day}.csv"), "w", newline="") as file:
        writer = csv.DictWriter(file, fields, delimiter=";", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def meadow(day, rows):
    book = openpyxl.Workbook()
    book.properties.created = book.properties.modified = datetime(2026, 3, 1)
    book.active.title = "About"
    sheet = book.create_sheet("Reservations")
    sheet["A1"] = "Meadow Hotel, all reservations changed since yesterday"
    sheet.append([])
    sheet.append(["Booking no", "Hotel", "Guest", "E-mail", "From", "To", "State", "Total", "Cur.", "Changed"])
    for row in rows:
        values = [row[name] for name in FIELDS]
        values[4:6] = [date.fromisoformat(each) for each in values[4:6]]
        values[7] = values[7] if values[7].startswith("=") else float(values[7])
        values[9] = datetime.fromisoformat(values[9])
        sheet.append(values)
        if row["reservation_id"].endswith("5"):
            sheet.append([])
    target = place(f"reservations/meadow/{day}.xlsx")
    book.save(target)
    # openpyxl writes the time of writing into the archive and the document.
    with zipfile.ZipFile(target) as made:
        parts = {name: made.read(name) for name in made.namelist()}
    stamp = etree.fromstring(parts["docProps/core.xml"])
    for element in stamp.iter("{http://purl.org/dc/terms/}modified"):
        element.text = "2026-03-01T00:00:00Z"
    parts["docProps/core.xml"] = etree.tostring(stamp)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as fixed:
        for name, content in parts.items():
            fixed.writestr(zipfile.ZipInfo(name, (2026, 3, 1, 0, 0, 0)), content)


def summit(day, rows):
    export = etree.Element("export")
    head = etree.SubElement(export, "head")
    etree.SubElement(head, "reservation").text = "not one of them"
    listed = etree.SubElement(export, "reservations")
    for row in rows:
        element = etree.SubElement(listed, "reservation", id=row["reservation_id"], changed=row["updated_at"])
        etree.SubElement(element, "hotel", code=row["hotel_code"])
        guest = etree.SubElement(element, "guest")
        etree.SubElement(guest, "name").text = row["guest_name"]
        etree.SubElement(guest, "email").text = row["guest_email"]
        etree.SubElement(element, "stay", **{"from": row["arrival"], "to": row["departure"]})
        etree.SubElement(element, "status").text = row["status"]
        if row["total_amount"] != "":
            etree.SubElement(element, "total", currency=row["currency"]).text = row["total_amount"]
    text = etree.tostring(export, xml_declaration=True, encoding="utf-8", pretty_print=True)
    place(f"reservations/summit/{day}.xml").write_bytes(text)


def folio(number, key, amount, currency="EUR", at="2026-03-01T22:00:00Z", hotel="HAR"):
    reservation = {} if key == "absent" else {"id": key}
    return {"folio_id": f"F{number:05d}", "reservation": reservation, "hotel": {"code": hotel}, "total": {"amount": amount, "currency": currency}, "closed_at": at, "printed": True}


def folios(day, rows):
    lines = ",\n".join(json.dumps(row) for row in rows)
    place(f"folios/{day}.json").write_text('{"exported": "%s", "folios": [\n%s\n]}\n' % (day, lines))


def amount(hotel, number):
    return booking(hotel, number)["total_amount"]


first = {number: booking("HAR", number) for number in range(1001, 1041)}
first[1005]["departure"] = "2026-03-01"
first[1005]["arrival"] = "2026-03-09"
first[1006]["arrival"] = "2026-02-30"
first[1007]["total_amount"] = "1.250,00"
first[1009]["status"] = " checked_in "
nameless = booking("HAR", 1050) | {"reservation_id": ""}
again = booking("HAR", 1008) | {"total_amount": "999.00", "updated_at": "2026-03-01T09:00:00"}
harbour("2026-03-01", [*first.values(), nameless, again], FIELDS)

later = [booking("HAR", number) for number in range(1041, 1049)]
later += [booking("HAR", 1010) | {"total_amount": "777.00"}, booking("HAR", 1011) | {"status": "CANCELLED"}]
for index, row in enumerate(later):
    row["updated_at"] = f"2026-03-02T{index:02d}:00:00"
    row["guest_mail"] = row.pop("guest_email")
    row["loyalty_tier"] = ["", "silver", "gold"][index % 3]
order = ["updated_at", "reservation_id", "hotel_code", "loyalty_tier", "guest_name", "guest_mail", *FIELDS[4:9]]
harbour("2026-03-02", later, order)

rooms = {number: booking("MEA", number) for number in range(2001, 2021)}
rooms[2004]["total_amount"] = "=3*120"
rooms[2011]["departure"] = "2026-02-01"
meadow("2026-03-01", rooms.values())

stays = {number: booking("SUM", number) for number in range(3001, 3016)}
stays[3003]["total_amount"] = ""
stays[3005]["arrival"] = "03/05/2026"
stays[3006]["guest_name"] = "Mr & Mrs <Summit>"
summit("2026-03-01", stays.values())
summit("2026-03-02", [booking("SUM", number) | {"updated_at": "2026-03-02T10:00:00"} for number in range(3016, 3019)])

exact = [1001, 1002, 1003, 1004, *range(1012, 1020)]
rows = [folio(index + 1, f"HAR-{number}", amount("HAR", number)) for index, number in enumerate(exact)]
rows += [
    folio(13, "HAR-1020", "15.00"),
    folio(14, "HAR-1021", "100.00"),
    folio(15, "HAR-1021", f"{float(amount('HAR', 1021)) - 100:.2f}"),
    folio(16, " har-1022", amount("HAR", 1022)),
    folio(17, "HAR1023", amount("HAR", 1023)),
    folio(18, "SUM 3010", amount("SUM", 3010), hotel="SUM"),
    folio(19, None, "12.00"),
    folio(20, "", "8.50"),
    folio(21, "absent", "20.00"),
    folio(22, "HAR-9999", "55.00"),
    folio(23, "room 12", "5.00"),
    *[folio(24 + index, f"MEA-{2001 + index}", amount("MEA", 2001 + index), hotel="MEA") for index in range(3)],
    folio(27, "MEA-2005", f"{float(amount('MEA', 2005)) - 0.01:.2f}", hotel="MEA"),
    folio(28, "HAR-1006", amount("HAR", 1006)),
    folio(29, "SUM-3001", amount("SUM", 3001), "USD", hotel="SUM"),
    folio(30, "HAR-1024", "twelve"),
]
folios("2026-03-01", rows)
folios("2026-03-02", [folio(31, "HAR-1041", amount("HAR", 1041), at="2026-03-02T22:00:00Z"), folio(13, "HAR-1020", amount("HAR", 1020), at="2026-03-02T22:00:00Z")])
