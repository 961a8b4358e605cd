"""One field of every record of an Avro file, as JSON. Arguments: file, field."""

import json
import sys

import fastavro

with open(sys.argv[1], "rb") as file:
    print(json.dumps([record[sys.argv[2]] for record in fastavro.reader(file)]))
