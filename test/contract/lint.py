"""datacontract-cli's verdict on each file: prints {file: passed}. Its own copy of the standard's schema is used; business definitions, which are addresses, are not fetched."""
import json
import logging
import sys

logging.disable(logging.CRITICAL)
from datacontract.data_contract import DataContract

verdicts = {}
for file in sys.argv[1:]:
    run = DataContract(data_contract_file=file, inline_references=False).lint()
    verdicts[file] = str(getattr(run.result, "value", run.result)) == "passed"
print(json.dumps(verdicts))
