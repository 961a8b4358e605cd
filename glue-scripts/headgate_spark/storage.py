"""Files by address: a path of this machine, or `s3://bucket/key`."""

import contextlib
import json
import os
import shutil
import tempfile
import uuid
from urllib.parse import urlsplit

from headgate_spark.failures import Failure


def is_s3(address):
    return address.startswith("s3://")


@contextlib.contextmanager
def readable(address, etag="", start=None, end=None):
    """A local path with the bytes of an object, or with those from `start` to `end`."""
    if not is_s3(address) and start is None:
        if not os.path.exists(address):
            raise missing(address)
        yield address
        return
    with tempfile.TemporaryDirectory(prefix="headgate-") as folder:
        path = os.path.join(folder, "input")
        copy_bytes(address, etag, path, start, end)
        yield path


def copy_bytes(address, etag, path, start, end):
    with open(path, "wb") as target:
        for chunk in chunks(address, etag, start, end):
            target.write(chunk)


CHUNK = 8 * 1024 * 1024


def chunks(address, etag="", start=None, end=None):
    """The bytes of an object from `start` to before `end`, in pieces."""
    if is_s3(address):
        yield from s3_chunks(address, etag, start, end)
        return
    if not os.path.exists(address):
        raise missing(address)
    with open(address, "rb") as source:
        source.seek(start or 0)
        left = (end - (start or 0)) if end is not None else None
        while left is None or left > 0:
            chunk = source.read(CHUNK if left is None else min(CHUNK, left))
            if not chunk:
                return
            left = None if left is None else left - len(chunk)
            yield chunk


def s3_chunks(address, etag, start, end):
    from botocore.exceptions import ClientError

    bucket, key = s3_name(address)
    options = {"IfMatch": etag} if etag else {}
    if start is not None or end is not None:
        options["Range"] = f"bytes={start or 0}-{'' if end is None else end - 1}"
    try:
        yield from s3_client().get_object(Bucket=bucket, Key=key, **options)["Body"].iter_chunks(CHUNK)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in ("NoSuchKey", "404"):
            raise missing(address) from None
        if code in ("PreconditionFailed", "412"):
            raise Failure("transient", f"{address} has changed since the plan was made; plan again") from None
        raise Failure("transient", f"S3 answered {code} for {address}") from None


def missing(address):
    return Failure("terminal", f"there is no object {address}; it was there when the run was planned: restore it and run again")


@contextlib.contextmanager
def writable(folder):
    """A local folder to write in, and `publish(path) -> address`, which moves a finished file under a name that nobody has."""
    if is_s3(folder):
        with tempfile.TemporaryDirectory(prefix="headgate-") as local:
            yield local, lambda path: upload(path, f"{folder}/{uuid.uuid4()}.parquet")
        return
    local = os.path.join(folder, f".writing-{uuid.uuid4()}")
    os.makedirs(local)
    try:
        yield local, lambda path: move(path, os.path.join(folder, f"{uuid.uuid4()}.parquet"))
    finally:
        shutil.rmtree(local, ignore_errors=True)


def move(path, target):
    os.rename(path, target)
    return target


def upload(path, address):
    bucket, key = s3_name(address)
    s3_client().upload_file(path, bucket, key)
    return address


def read_json(address):
    return json.loads(b"".join(chunks(address)))


def write_once(address, document):
    """True where this was the first document at the address; a document is there whole or not at all."""
    body = json.dumps(document).encode()
    if is_s3(address):
        from botocore.exceptions import ClientError

        bucket, key = s3_name(address)
        try:
            s3_client().put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
            return True
        except ClientError as error:
            if error.response.get("Error", {}).get("Code", "") in ("PreconditionFailed", "412", "ConditionalRequestConflict"):
                return False
            raise
    os.makedirs(os.path.dirname(address), exist_ok=True)
    draft = f"{address}.{uuid.uuid4()}"
    with open(draft, "wb") as target:
        target.write(body)
    try:
        os.link(draft, address)
        return True
    except FileExistsError:
        return False
    finally:
        os.unlink(draft)


def remove_tree(folder):
    if not is_s3(folder):
        shutil.rmtree(folder, ignore_errors=True)
        return
    bucket, prefix = s3_name(folder)
    pages = s3_client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    for page in pages:
        keys = [{"Key": each["Key"]} for each in page.get("Contents", [])]
        if keys:
            s3_client().delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


def s3_name(address):
    parts = urlsplit(address, allow_fragments=False)
    return parts.netloc, address[len(f"s3://{parts.netloc}/") :]


def s3_client():
    import boto3

    return boto3.client("s3")
