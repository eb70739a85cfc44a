"""Media over the API."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
import re
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callfloor.api.downloads import disposition, wants_json
from callfloor.app.media import open_media
from callfloor.media.blobs import Blobs
from callfloor.settings import Settings
from callfloor.store.calls import media
from callfloor.store.calls.media import StoredContent
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from tests.api.kept_media import DIGEST, T0, WAV, keep
from tests.conftest import Centre, client_for


@pytest.fixture
def blobs(settings: Settings) -> Blobs:
    return open_media(settings)


async def test_the_bytes_come_with_every_header(db: Database, blobs: Blobs, centre: Centre) -> None:
    media_id = await keep(db, blobs, centre, file_name="call.wav")
    answer = await centre.client.get(f"/media/{media_id}")
    assert answer.status_code == 200
    assert answer.content == WAV
    headers = {
        "content-type": "audio/wav",
        "content-length": str(len(WAV)),
        "etag": f'"{DIGEST}"',
        "accept-ranges": "bytes",
        "content-disposition": 'inline; filename="call.wav"',
        "cache-control": "private, no-cache",
        "vary": "Accept",
        "x-content-type-options": "nosniff",
    }
    assert {name: answer.headers.get(name) for name in headers} == headers
    assert "x-request-id" in answer.headers
    head = await centre.client.head(f"/media/{media_id}")
    assert (head.status_code, head.content) == (200, b"")
    assert {name: head.headers.get(name) for name in headers} == headers


async def test_a_known_version_is_304(db: Database, blobs: Blobs, centre: Centre) -> None:
    media_id = await keep(db, blobs, centre)
    for known in (f'"{DIGEST}"', f'W/"{DIGEST}"', f'"x", "{DIGEST}"', "*"):
        answer = await centre.client.get(f"/media/{media_id}", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == f'"{DIGEST}"'
    answer = await centre.client.get(f"/media/{media_id}", headers={"If-None-Match": '"other"'})
    assert answer.status_code == 200


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.integers(0, 80_000), length=st.integers(1, 80_000), suffix=st.integers(1, 80_000))
async def test_a_range_is_a_slice(
    db: Database, blobs: Blobs, centre: Centre, first: int, length: int, suffix: int
) -> None:
    content = WAV[:70_001]
    media_id = await keep(db, blobs, centre, content)
    for header, part in (
        (f"bytes={first}-{first + length - 1}", content[first : first + length]),
        (f"bytes={first}-", content[first:]),
        (f"bytes=-{suffix}", content[-suffix:]),
    ):
        answer = await centre.client.get(f"/media/{media_id}", headers={"Range": header})
        if part:
            assert answer.status_code == 206
            assert answer.content == part
            start = (
                content.index(part) if len(part) > 16 else int(re.findall(r"\d+", answer.headers["content-range"])[0])
            )
            end = start + len(part) - 1
            assert answer.headers["content-range"] == f"bytes {start}-{end}/{len(content)}"
            assert answer.headers["content-length"] == str(len(part))
        else:
            assert answer.status_code == 416
            assert answer.headers["content-range"] == f"bytes */{len(content)}"
            assert answer.json()["type"].endswith("/problems/range-not-satisfiable")


async def test_a_range_of_another_version_gives_everything(db: Database, blobs: Blobs, centre: Centre) -> None:
    media_id = await keep(db, blobs, centre)
    for condition, status in (
        (f'"{DIGEST}"', 206),
        ('"other"', 200),
        (f'W/"{DIGEST}"', 200),
        ("Mon, 01 Jun 2026 00:00:00 GMT", 200),
    ):
        headers = {"Range": "bytes=0-9", "If-Range": condition}
        answer = await centre.client.get(f"/media/{media_id}", headers=headers)
        assert answer.status_code == status
        assert answer.content == (WAV[:10] if status == 206 else WAV)
    answer = await centre.client.get(f"/media/{media_id}", headers={"Range": "bytes=0-1,5-6"})
    assert (answer.status_code, answer.content) == (200, WAV)


async def test_a_client_that_takes_only_json_gets_base64(db: Database, blobs: Blobs, centre: Centre) -> None:
    for size in (0, 1, 2, 3, 262_143, 262_144, 262_145, 700_004):
        content = WAV[:size]
        media_id = await keep(db, blobs, centre, content)
        answer = await centre.client.get(
            f"/media/{media_id}", headers={"Accept": "application/json", "Range": "bytes=0-1"}
        )
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["content-length"] == str(len(answer.content))
        assert base64.b64decode(json.loads(answer.content)) == content
        known = {"Accept": "application/json", "If-None-Match": answer.headers["etag"]}
        assert (await centre.client.get(f"/media/{media_id}", headers=known)).status_code == 304
        # the two forms are two representations
        assert (await centre.client.get(f"/media/{media_id}")).headers["etag"] != answer.headers["etag"]


@pytest.mark.parametrize(
    ("accept", "as_json"),
    [
        (None, False),
        ("*/*", False),
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/json, text/plain, */*", False),
        ("application/json, audio/*", False),
        ("application/json;q=0.5, audio/wav;q=0", True),
        ("application/json, */*;q=0", True),
        ("application/*", True),
        ("application/octet-stream, application/json", False),
        ("audio/wav", False),
        ("text/html", False),
    ],
)
def test_the_form_follows_accept(accept: str | None, *, as_json: bool) -> None:
    assert wants_json(accept, "audio/wav") is as_json


async def test_an_empty_file_is_served(db: Database, blobs: Blobs, centre: Centre) -> None:
    media_id = await keep(db, blobs, centre, b"", "attachment", content_type="text/plain")
    answer = await centre.client.get(f"/media/{media_id}")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert (await centre.client.get(f"/media/{media_id}", headers={"Range": "bytes=0-"})).status_code == 416


@pytest.mark.parametrize(
    ("file_name", "content_type", "expected"),
    [
        ("bill.pdf", "application/pdf", 'attachment; filename="bill.pdf"'),
        (None, "application/pdf", 'attachment; filename="attachment-7"'),
        (None, "audio/wav", 'inline; filename="attachment-7.wav"'),
        ("x.svg", "audio/x+xml", 'attachment; filename="x.svg"'),
        ("x.html", "audio/html", 'attachment; filename="x.html"'),
        ("x.wav", "AUDIO/WAV; codecs=1", 'inline; filename="x.wav"'),
        ("../../etc/passwd", "text/plain", 'attachment; filename="passwd"'),
        ("C:\\temp\\a.txt", "text/plain", 'attachment; filename="a.txt"'),
        ("..", "text/plain", 'attachment; filename="attachment-7"'),
        ('a";x="b\r\nSet-Cookie: c.txt', "text/plain",
         'attachment; filename="a__x__b  Set-Cookie_ c.txt"; '
         "filename*=UTF-8''a%22%3Bx%3D%22b%20%20Set-Cookie%3A%20c.txt"),
        ("Größe €.pdf", "application/pdf",
         "attachment; filename=\"Gro__e _.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%E2%82%AC.pdf"),
        ("x" * 400 + ".pdf", "application/pdf", f'attachment; filename="{"x" * 146}.pdf"'),
    ],
)  # fmt: skip
def test_a_file_name_cannot_leave_its_header(file_name: str | None, content_type: str, expected: str) -> None:
    assert disposition(file_name, "attachment", 7, content_type) == expected


@given(st.text(max_size=200))
def test_any_file_name_gives_a_header_of_printable_ascii(file_name: str) -> None:
    header = disposition(file_name, "attachment", 7, "text/plain")
    assert header.isascii()
    assert header.isprintable()
    assert re.fullmatch(r'attachment; filename="[^"\\]+"(; filename\*=UTF-8\'\'[A-Za-z0-9._~%\-]+)?', header)


async def test_a_content_type_that_cannot_stand_in_a_header_is_plain_bytes(
    db: Database, blobs: Blobs, centre: Centre
) -> None:
    media_id = await keep(db, blobs, centre, b"x", "attachment", content_type="text/html\r\nX: y")
    assert (await centre.client.get(f"/media/{media_id}")).headers["content-type"] == "application/octet-stream"


async def test_a_recording_shows_every_field(db: Database, blobs: Blobs, centre: Centre) -> None:
    media_id = await keep(db, blobs, centre)
    row = await media.get(db, centre.organisation, media_id)
    assert row is not None
    expected = {
        "mediaId": media_id,
        "mediaUri": f"/platform-api/v3.0/media/{media_id}",
        "duration": 23,
        "deleted": False,
        "deletedTimestamp": None,
        "deletedBy": None,
        "deletionReason": None,
        "contentType": "audio/wav",
        "size": len(WAV),
        "sha256": DIGEST,
        "activityId": row["activity_id"],
    }
    answer = await centre.client.get(f"/media/{media_id}/recording")
    assert answer.json() == expected
    known = {"If-None-Match": answer.headers["etag"]}
    assert (await centre.client.get(f"/media/{media_id}/recording", headers=known)).status_code == 304
    short = await centre.client.get(f"http://callfloor.test/v3.0/media/{media_id}/recording")
    assert short.json()["mediaUri"] == f"/v3.0/media/{media_id}"
    assert (await centre.client.get(f"http://callfloor.test{expected['mediaUri']}")).content == WAV
    assert (await centre.client.get(f"/media/{media_id}/voicemail")).status_code == 404


async def test_a_voicemail_shows_every_field(db: Database, blobs: Blobs, centre: Centre) -> None:
    media_id = await keep(db, blobs, centre, kind="voicemail", activity_id=None)
    assert (await centre.client.get(f"/media/{media_id}/voicemail")).json() == {
        "mediaId": media_id,
        "mediaUri": f"/platform-api/v3.0/media/{media_id}",
        "duration": 23,
        "contentType": "audio/wav",
        "size": len(WAV),
        "sha256": DIGEST,
        "activityId": None,
    }
    assert (await centre.client.get(f"/media/{media_id}/recording")).status_code == 404


async def test_another_organisation_finds_none_of_it(
    db: Database, blobs: Blobs, centre: Centre, other_centre: Centre
) -> None:
    media_id = await keep(db, blobs, centre)
    for path in (f"/media/{media_id}", f"/media/{media_id}/recording", "/media/9223372036854775807"):
        assert (await other_centre.client.get(path)).status_code == 404
    deletion = await other_centre.client.delete(f"/admin/media/{media_id}?reason=x")
    assert deletion.status_code == 404
    assert (await centre.client.get(f"/media/{media_id}")).content == WAV


async def test_scopes_are_asked_for(db: Database, blobs: Blobs, centre: Centre) -> None:
    media_id = await keep(db, blobs, centre)
    token = await tokens.create(db, centre.organisation, "reader", ["media:read"])
    async with client_for(centre.app, token) as client:
        assert (await client.get(f"/media/{media_id}")).status_code == 200
        assert (await client.delete(f"/admin/media/{media_id}?reason=x")).status_code == 403
    token = await tokens.create(db, centre.organisation, "other", ["leads:read"])
    async with client_for(centre.app, token) as client:
        assert (await client.get(f"/media/{media_id}")).status_code == 403


async def test_bytes_that_are_missing_are_a_503_that_says_so(
    db: Database, blobs: Blobs, centre: Centre, capsys: pytest.CaptureFixture[str]
) -> None:
    media_id = await keep(db, blobs, centre)
    await blobs.delete(centre.organisation, DIGEST)
    answer = await centre.client.get(f"/media/{media_id}")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    assert answer.json()["detail"] == "The media store does not give these bytes now."
    logged = capsys.readouterr().out
    assert "media-unreadable" in logged
    assert DIGEST not in logged


async def test_a_large_file_is_never_whole_in_memory(db: Database, blobs: Blobs, centre: Centre) -> None:
    size, digest = 200 * 1024 * 1024, hashlib.sha256()

    async def source() -> AsyncIterator[bytes]:
        block = random.Random(2).randbytes(1024 * 1024)
        for number in range(size // len(block)):
            yield number.to_bytes(4, "big") + block[4:]

    blob = await blobs.put(centre.organisation, source())
    stored = StoredContent(blob.sha256, blob.size)
    media_id = await media.add(
        db, centre.organisation, "recording", None, stored,
        content_type="audio/wav", duration_s=1, file_name=None, at=T0,
    )  # fmt: skip
    most = 0

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(message: dict[str, Any]) -> None:
        nonlocal most
        digest.update(message.get("body", b""))
        most = max(most, tracemalloc.get_traced_memory()[1])

    scope = {
        "type": "http", "method": "GET", "path": f"/v3.0/media/{media_id}", "query_string": b"",
        "headers": [(b"authorization", centre.token.encode())],
    }  # fmt: skip
    tracemalloc.start()
    try:
        await centre.app(scope, receive, send)
    finally:
        tracemalloc.stop()
    assert digest.hexdigest() == blob.sha256
    assert most < 8 * 1024 * 1024
    await centre.client.delete(f"/admin/media/{media_id}?reason=x")


async def test_a_client_that_leaves_stops_the_reading(db: Database, blobs: Blobs, centre: Centre) -> None:
    media_id = await keep(db, blobs, centre, WAV * 10)
    sent: list[int] = []
    left = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(len(message.get("body", b"")))
        left.set()
        await asyncio.sleep(0)

    scope = {
        "type": "http", "method": "GET", "path": f"/v3.0/media/{media_id}", "query_string": b"",
        "headers": [(b"authorization", centre.token.encode())],
    }  # fmt: skip
    await centre.app(scope, receive, send)
    assert sum(sent) < len(WAV) * 5
