"""Writes samples/customers: made-up people of three systems, with traps. Who is who stands in the ids: crm 20xx, web wxx and card L-1xx with the same
number are one person. The hand-made ones (crm 10xx and accounts with a name) are described in samples/README.md."""

import json
import pathlib
import random

random.seed(7)
HERE = pathlib.Path(__file__).parents[3] / "samples" / "customers"
FIRST = "amelia oliver isla jack mia noah ruby leo chloe henry zoe lucas ivy ethan sofia liam ella mason evie hugo nina oscar tessa felix clara jonas maya arthur freya victor".split()
LAST = "walker nguyen taylor martin kaur wilson murphy chen kelly ross fraser lim hughes novak patel stone reid bauer moreau silva dunn okeefe rossi larsen khan doyle petrov meyer quinn santos".split()
STREETS = "acacia banksia cedar dalton elm fern grove hazel iris jarrah kent laurel maple nettle olive".split()
KINDS = "street road avenue court lane".split()
PLACES = [("carlton", "3053", "vic"), ("fremantle", "6160", "wa"), ("newtown", "2042", "nsw"), ("glenelg", "5045", "sa"), ("sandy bay", "7005", "tas"), ("toowong", "4066", "qld"), ("dickson", "2602", "act"), ("geelong", "3220", "vic")]
HEADER = "rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, soc_sec_id"


def person(number):
    suburb, postcode, state = random.choice(PLACES)
    return {
        "number": number,
        "first": random.choice(FIRST),
        "last": random.choice(LAST),
        "street_number": str(random.randint(1, 240)),
        "street": f"{random.choice(STREETS)} {random.choice(KINDS)}",
        "suburb": suburb,
        "postcode": postcode,
        "state": state,
        "born": (random.randint(1940, 2004), random.randint(1, 12), random.randint(1, 28)),
        "ssid": str(random.randint(1000000, 9999999)),
    }


def misspelt(text):
    place = random.randrange(1, len(text) - 1)
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :] if random.random() < 0.5 else text[:place] + text[place + 1 :]


def crm(id, p):
    year, month, day = p["born"]
    fields = [id, p["first"], p["last"], p["street_number"], p["street"], "", p["suburb"], p["postcode"], p["state"], f"{year}{month:02}{day:02}", p["ssid"]]
    return ", ".join(fields)


def web(account, p):
    year, month, day = p["born"]
    address = {"number": p["street_number"], "street": p["street"].title(), "locality": "", "suburb": p["suburb"].title(), "postcode": p["postcode"], "state": p["state"].upper()}
    name = {"first": p["first"].title(), "last": p["last"].title()}
    return json.dumps({"account": account, "name": name, "address": address, "born": f"{day:02}.{month:02}.{year}", "ssid": p["ssid"]}, ensure_ascii=False)


def card(p):
    year, month, day = p["born"]
    mail = f"{p['first']}.{p['last']}@example.com"
    return ";".join([f"L-1{p['number']:02}", p["first"].upper(), p["last"].title(), f"{day:02}-{month:02}-{year}", p["postcode"], mail, f"04{p['number']:02} 555 {p['number']:03}"])


def made(first, last, number, street, suburb, postcode, state, born, ssid):
    return {"first": first, "last": last, "street_number": number, "street": street, "suburb": suburb, "postcode": postcode, "state": state, "born": born, "ssid": ssid}


people = [person(number) for number in range(90)]
on_web = []
for p in people[:60]:
    other = dict(p)
    for field in random.sample(["first", "last", "street", "ssid", "street_number"], random.choice([0, 1, 1, 2])):
        other[field] = misspelt(p[field]) if len(p[field]) > 3 else str(random.randint(1, 240))
    on_web.append(web(f"w{p['number']:02}", other))

branches = [
    crm("1001", made("sarah", "o'neill", "12", "smith street", "carlton", "3053", "vic", (1980, 5, 12), "1234567")),
    crm("1002", made("anna", "lee", "4", "mill road", "fremantle", "6160", "wa", (1995, 3, 1), "2222222")),
    crm("1003", made("emma", "lee", "4", "mill road", "fremantle", "6160", "wa", (1995, 3, 1), "2983411")),
    crm("1004", made("john", "smith", "7", "station parade", "newtown", "2042", "nsw", (1950, 7, 7), "3333333")),
    crm("1005", made("john", "smith", "7", "station parade", "newtown", "2042", "nsw", (1978, 11, 28), "4761190")),
    crm("1006", made("michael", "brown", "33", "king street", "glenelg", "5045", "sa", (1966, 12, 24), "5555555")),
    crm("1007", made("micheal", "brown", "33", "king street", "glenelg", "5045", "sa", (1966, 12, 24), "5555555")),
    crm("1008", made("lucy", "hall", "9", "harbour view", "sandy bay", "7005", "tas", (1990, 1, 15), "6666666")),
    crm("1009", made("priya", "nair", "21", "ocean avenue", "cottesloe", "6011", "wa", (1985, 6, 20), "7777777")),
    crm("1010", made("tom", "becker", "2", "vine lane", "ballarat", "3350", "vic", (1972, 9, 30), "8888888")),
    ", nobody, knows, 1, lost road, , nowhere, 0001, nt, 19700101, 9999999",
]
moved = crm("1010", made("tom", "becker", "18", "lake road", "bendigo", "3550", "vic", (1972, 9, 30), "8888888"))
accounts = [
    web("s.oneill", made("sarah", "o’neill", "12", "smith  street", "carlton", "3053", "vic", (1980, 5, 12), "1234567")),
    web("lucyh", made("lucy", "hall", "101", "bridge road", "richmond", "3121", "vic", (1990, 1, 15), "6666666")),
    web("priya85", made("priya", "nair", "21", "ocean avenue", "cottesloe", "6011 ", "wa", (1985, 6, 20), "7777777")),
    web("priya.n", made("priya", "nair", "21", "ocean ave", "cottesloe", "6011", "wa", (1985, 6, 20), "7777777")),
]
cards = [
    "L-01;SARAH;O'Neill;12-05-1980; 3053 ; Sarah.ONeill@Example.com ;0412 345 678",
    "L-02;Tom;Becker;30-09-1972;3350;<tom@example.net>;0061 412 000 111",
    "L-03;Kim;Zhao;17-08-2001;2000;mailto:kim@example.org;+61 (0)2 6200 0000",
    "L-04;Grace;Okafor;03-11-1993;4066;;call me",
    "L-03;Kim;Zhao;17-08-2001;2000;kim.zhao@example.org;+61 400 111 222",
]


def write(path, lines):
    file = HERE / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


write("crm/2026-01-31/crm.csv", [HEADER, *branches, *[crm(f"20{p['number']:02}", p) for p in people]])
write("crm/2026-02-28/crm.csv", [HEADER, moved])
write("web/2026-01-31/web.jsonl", [*accounts, *on_web])
write("loyalty/2026-02-15/cards.csv", ["Card;First name;Last name;Born;Post code;E-mail;Mobile", *cards, *[card(p) for p in people[50:75]]])
