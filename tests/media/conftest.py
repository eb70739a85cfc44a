"""Media stores of every kind: a folder and a real S3 server on loopback, each in plain and encrypted."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer

from callfloor.media.blobs import Blobs, open_blobs

KEY = bytes(range(32))
BUCKET = "recordings"
Read = Callable[..., Awaitable[bytes]]
Listed = Callable[..., Awaitable[list[tuple[int, str, datetime]]]]


@pytest.fixture(scope="session")
def s3_options() -> Iterator[dict[str, str]]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    with urlopen(Request(f"{endpoint}/{BUCKET}", method="PUT"), timeout=10):
        pass
    yield {
        "endpoint": endpoint,
        "region": "us-east-1",
        "access_key_id": "test",
        "secret_access_key": "test",
    }
    server.stop()


@pytest.fixture(scope="session", params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """URL and options of a store that the whole session shares."""
    if request.param == "folder":
        return str(tmp_path_factory.mktemp("media")), {}
    return f"s3://{BUCKET}/{secrets.token_hex(4)}", request.getfixturevalue("s3_options")


@pytest.fixture(scope="session", params=["plain", "encrypted"])
def blobs(request: pytest.FixtureRequest, place: tuple[str, dict[str, str]]) -> Blobs:
    url, options = place
    return open_blobs(f"{url}/{request.param}", KEY if request.param == "encrypted" else None, options=options)


@pytest.fixture(scope="session")
def read() -> Read:
    return read_range


async def read_range(blobs: Blobs, organisation: int, sha256: str, start: int = 0, end: int | None = None) -> bytes:
    """The whole of a range, with a check that no chunk is larger than agreed."""
    chunks = [chunk async for chunk in await blobs.open(organisation, sha256, start, end)]
    assert all(0 < len(chunk) <= 256 * 1024 for chunk in chunks)
    return b"".join(chunks)


@pytest.fixture(scope="session")
def listed() -> Listed:
    return keys_of


async def keys_of(blobs: Blobs, organisation: int | None = None) -> list[tuple[int, str, datetime]]:
    keys = blobs.keys()
    return [key async for key in keys if organisation in (None, key[0])]
