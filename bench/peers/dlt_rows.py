"""dlt from file to files with each row validated by a Pydantic model, as its documentation shows: <feed>-<megabytes>.csv <folder>. Prints what it measured."""
import csv, io, json, os, re, resource, sys, time
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Literal, Optional

os.environ.update(
    RUNTIME__DLTHUB_TELEMETRY="false",
    RUNTIME__LOG_LEVEL="ERROR",
    NORMALIZE__WORKERS=str(os.cpu_count()),
    DATA_WRITER__COMPRESSION="zstd",
)
import dlt
from dlt.sources.filesystem import filesystem
from pydantic import BaseModel, Field, StringConstraints, ValidationError, field_validator, model_validator

file, folder = sys.argv[1:]
Plain = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2)]


class Transaction(BaseModel):
    transaction_id: Annotated[str, StringConstraints(max_length=20, pattern=r"^T[0-9]+$")]
    parent_id: Optional[Annotated[str, StringConstraints(max_length=20)]] = None
    type: Literal["purchase", "refund", "void"]
    account_id: str
    amount: Plain
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    transacted_at: datetime
    card_number: Optional[str] = None
    updated_at: datetime

    @field_validator("amount", mode="before")
    @classmethod
    def without_exponent(cls, text):
        if "e" in text.lower():
            raise ValueError("an exponent")
        return text

    @model_validator(mode="after")
    def child_has_parent(self):
        if self.type != "purchase" and self.parent_id is None:
            raise ValueError("child has no parent")
        return self


class Sale(BaseModel):
    invoice_no: Annotated[str, StringConstraints(pattern=r"^[AC]?[0-9]{6,9}$")]
    stock_code: Annotated[str, StringConstraints(max_length=20)]
    description: str
    quantity: Annotated[int, Field(ge=-(2**31), lt=2**31)]
    invoice_date: datetime
    unit_price: Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=3)]
    customer_id: Optional[Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$")]] = None
    country: str

    @field_validator("customer_id", mode="before")
    @classmethod
    def without_fraction(cls, text):
        return re.sub(r"\.0+$", "", text)


FEED = os.path.basename(file).split("-")[0]
MODEL, KEY, ORDER_BY, DATED = {
    "transactions": (Transaction, attrgetter("transaction_id"), attrgetter("updated_at"), attrgetter("transacted_at")),
    "sales": (
        Sale,
        attrgetter("invoice_no", "stock_code", "quantity", "invoice_date", "unit_price"),
        attrgetter("invoice_date"),
        attrgetter("invoice_date"),
    ),
}[FEED]


@dlt.resource
def rows():
    kept, refused = {}, []
    for item in filesystem(bucket_url=os.path.dirname(file), file_glob=os.path.basename(file)):
        with item.open() as opened:
            lines = csv.DictReader(io.TextIOWrapper(opened, "utf-8", newline=""), fieldnames=list(MODEL.model_fields))
            next(lines)  # The header.
            for row in lines:
                given = {name: text for name, text in row.items() if text != ""}
                try:
                    valid = MODEL.model_validate(given)
                except ValidationError as error:
                    reasons = [f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in error.errors()]
                    refused.append({**row, "reasons": ", ".join(reasons)})
                    continue
                before = kept.get(KEY(valid))
                if before is None or ORDER_BY(before) <= ORDER_BY(valid):
                    kept[KEY(valid)] = valid
    months = defaultdict(list)
    for row in kept.values():
        months[DATED(row).strftime("%Y_%m")].append(row.model_dump())
    # Its filesystem destination partitions by table, load and extension, not by a column: a table for each month.
    for month, part in months.items():
        yield dlt.mark.with_table_name(part, f"{FEED}_{month}")
    yield dlt.mark.with_table_name(refused, "refused")


started = time.perf_counter()
pipeline = dlt.pipeline(
    "bench", destination=dlt.destinations.filesystem(f"file://{folder}"), dataset_name="out", pipelines_dir=f"{folder}/.dlt"
)
pipeline.run(rows(), loader_file_format="parquet").raise_on_failed_jobs()
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "figures": {}, "peakMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
