"""An S3 server of the test's own (moto), with one empty bucket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

BUCKET = "clips"


@contextmanager
def running() -> Iterator[dict[str, Any]]:
    """Gives the settings ``storage_url`` and ``storage_options`` of the bucket."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url, region = f"http://{host}:{port}", "us-east-1"
        client = boto3.client(
            "s3", endpoint_url=url, aws_access_key_id="k", aws_secret_access_key="s",
            region_name=region,
        )  # fmt: skip
        client.create_bucket(Bucket=BUCKET)
        yield {
            "storage_url": f"s3://{BUCKET}",
            "storage_options": {
                "key": "k",
                "secret": "s",
                "client_kwargs": {"endpoint_url": url, "region_name": region},
            },
        }
    finally:
        server.stop()
