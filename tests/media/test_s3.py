"""What only S3 does: settings, large uploads in parts, and failing services."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path
from typing import Any

import pytest

from callfloor.media.blobs import open_blobs
from callfloor.media.errors import BlobConfigError, BlobStorageError, BlobStoreWrong
from callfloor.preflight import check
from callfloor.settings import Settings, SettingsError

KEY = bytes(range(32))


async def test_settings_come_from_the_environment(
    s3_options: dict[str, str], monkeypatch: pytest.MonkeyPatch, read: Any, listed: Any
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_options["endpoint"])
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    blobs = open_blobs(f"s3://recordings/{secrets.token_hex(4)}/deep/")
    blob = await blobs.put(1, b"content")
    assert await read(blobs, 1, blob.sha256) == b"content"
    assert [key[:2] for key in await listed(blobs)] == [(1, blob.sha256)]
    assert blobs.local_path(1, blob.sha256) is None


async def test_a_blob_larger_than_a_part_is_stored_whole(s3_options: dict[str, str], read: Any) -> None:
    blobs = open_blobs(f"s3://recordings/{secrets.token_hex(4)}", KEY, options=s3_options)
    content = os.urandom(20_000_000)
    blob = await blobs.put(1, content)
    assert await read(blobs, 1, blob.sha256, 7_999_999, 17_000_001) == content[7_999_999:17_000_001]
    assert await blobs.verify(1, blob.sha256)


async def test_a_blob_replaced_while_it_is_read_is_never_mixed(s3_options: dict[str, str]) -> None:
    blobs = open_blobs(f"s3://recordings/{secrets.token_hex(4)}", KEY, options=s3_options)
    content = os.urandom(5_000_000)
    blob = await blobs.put(1, content)
    stream = await blobs.open(1, blob.sha256)
    await anext(stream)
    await blobs.put(1, content)
    with pytest.raises(BlobStorageError, match="PreconditionFailed"):
        assert [chunk async for chunk in stream]


async def test_a_missing_bucket_is_not_a_missing_blob(s3_options: dict[str, str]) -> None:
    blobs = open_blobs("s3://no-such-bucket", options=s3_options)
    with pytest.raises(BlobStorageError, match="no such bucket"):
        await blobs.put(1, b"content")
    with pytest.raises(BlobStorageError, match="could not list"):
        await blobs.open(1, "a" * 64)


async def test_a_service_that_does_not_answer_is_an_os_error_without_secrets() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        options = {"endpoint": endpoint, "access_key_id": "test", "secret_access_key": "hunter2"}
        blobs = open_blobs("s3://recordings", options=options)
        with pytest.raises(OSError, match="could not store") as failure:
            await blobs.put(1, b"content")
    assert "hunter2" not in str(failure.value) + str(failure.value.__cause__)


def test_an_unknown_option_is_a_clear_error() -> None:
    with pytest.raises(BlobConfigError):
        open_blobs("s3://recordings", options={"no_such_option": "1"})


async def test_a_store_says_why_it_fails(s3_options: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BlobStoreWrong, match=r": NoSuchBucket \(http://127\.0\.0\.1:\d+\)$"):
        await open_blobs("s3://no-such-bucket", options=s3_options).check()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(BlobStorageError, match=rf": tcp connect error \({nobody}\)$") as failure:
            await open_blobs("s3://recordings", options=s3_options | {"endpoint": nobody}).check()
        assert not isinstance(failure.value, BlobStoreWrong)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    nobody_said = {"endpoint": s3_options["endpoint"], "metadata_endpoint": f"{s3_options['endpoint']}/none"}
    with pytest.raises(BlobStorageError, match=r": there are no credentials: set AWS_ACCESS_KEY_ID"):
        await open_blobs("s3://recordings", options=nobody_said).check()
    options = {"endpoint": "http://192.0.2.1:9000", "access_key_id": "a", "secret_access_key": "b"}
    with pytest.raises(BlobStorageError, match=r"AWS_ALLOW_HTTP=true"):
        await open_blobs("s3://recordings", options=options).check()


def test_a_server_does_not_start_on_a_bucket_that_is_not_there(
    s3_options: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_options["endpoint"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with pytest.raises(SettingsError, match=r"^--media-url \(CALLFLOOR_MEDIA_URL\): .*NoSuchBucket"):
        check(Settings(data=tmp_path / "data", media_url="s3://no-such-bucket"), "api")
    check(Settings(data=tmp_path / "data", media_url="s3://recordings"), "api")
