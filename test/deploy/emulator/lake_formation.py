"""Lake Formation: classes of columns. MiniStack has no such service; nobody's access goes by what is kept here."""

import json

from ministack import app
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import glue

# (database, table, column): {key: value}
columns = AccountRegionScopedDict()


def install():
    if "lakeformation" in app.SERVICE_HANDLERS:
        raise SystemExit("MiniStack has Lake Formation by now: take it out of the launcher")
    app.SERVICE_HANDLERS["lakeformation"] = handle


async def handle(method, path, headers, body, query_params):
    try:
        answer = OPERATIONS[path.strip("/")](json.loads(body))
    except LookupError as error:
        message = {"__type": "EntityNotFoundException", "message": f"{error} is not there"}
        return 400, {"Content-Type": "application/json"}, json.dumps(message).encode()
    return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()


def add(request):
    for place in places(request):
        columns[place] = {**columns.get(place, {}), **tags(request)}
    return {"Failures": []}


def remove(request):
    for place in places(request):
        kept = {key: value for key, value in columns.get(place, {}).items() if tags(request).get(key) != value}
        columns[place] = kept
    return {"Failures": []}


def get(request):
    table = request["Resource"]["Table"]
    place = (table["DatabaseName"], table["Name"])
    glue._tables["/".join(place)]
    return {
        "LFTagsOnColumns": [
            {"Name": key[2], "LFTags": [{"TagKey": name, "TagValues": [value]} for name, value in given.items()]}
            for key, given in columns.items()
            if key[:2] == place and given
        ]
    }


def tags(request):
    return {tag["TagKey"]: tag["TagValues"][0] for tag in request["LFTags"]}


def places(request):
    """The columns that a request names: each has to be one that Glue shows."""
    wanted = request["Resource"]["TableWithColumns"]
    shown = glue._tables[f"{wanted['DatabaseName']}/{wanted['Name']}"]["StorageDescriptor"]["Columns"]
    names = {column["Name"] for column in shown}
    for name in wanted["ColumnNames"]:
        if name not in names:
            raise LookupError(name)
    return [(wanted["DatabaseName"], wanted["Name"], name) for name in wanted["ColumnNames"]]


OPERATIONS = {"AddLFTagsToResource": add, "RemoveLFTagsFromResource": remove, "GetResourceLFTags": get}
