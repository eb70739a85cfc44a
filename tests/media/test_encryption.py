"""Encryption at rest: keys, hidden names, and every kind of tampering."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.media.blobs import Blobs, open_blobs
from callfloor.media.encryption import HEADER_SIZE, SEALED_FRAME, Cipher, parse_key
from callfloor.media.errors import BlobConfigError, BlobDamaged, BlobMissing, BlobUnreadable

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
CONTENT = os.urandom(3 * 65536 + 1000)


@given(st.binary(min_size=32, max_size=32))
def test_a_key_is_read_in_hex_and_base64(key: bytes) -> None:
    for text in (
        key.hex(),
        key.hex().upper(),
        base64.b64encode(key).decode(),
        base64.urlsafe_b64encode(key).decode(),
        base64.b64encode(key).decode().rstrip("="),
        f"  {key.hex()}\n",
    ):
        assert parse_key(text) == key


@pytest.mark.parametrize("text", ["", "hunter2", "ab" * 31, "zz" * 32, "ab" * 33, "hunter2" * 9, "=" * 44, "é" * 44])
def test_a_bad_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BlobConfigError, match="64 hex digits or as 44 characters of base64") as refusal:
        parse_key(text)
    assert "hunter2" not in str(refusal.value)
    assert refusal.value.__context__ is None


def test_a_store_wants_a_key_of_32_bytes(tmp_path: Path) -> None:
    with pytest.raises(BlobConfigError, match="32 bytes"):
        open_blobs(str(tmp_path), b"short")


async def test_neither_content_nor_hash_is_found_in_the_store(tmp_path: Path) -> None:
    secret = b"a card number was read out here " * 4000
    blob = await open_blobs(str(tmp_path), KEY).put(1, secret)
    files = [Path(folder, name) for folder, _, names in os.walk(tmp_path) for name in names]
    # the blob, the mark of its key, and that everything here is encrypted
    assert len(files) == 3
    for path in files:
        assert blob.sha256[:16] not in str(path)
        stored = path.read_bytes()
        assert bytes.fromhex(blob.sha256) not in stored
        assert secret[:32] not in stored


async def test_two_organisations_or_two_puts_share_no_bytes(tmp_path: Path) -> None:
    blobs = open_blobs(str(tmp_path), KEY)
    first, second = await blobs.put(1, CONTENT), await blobs.put(2, CONTENT)
    assert Path(first.location).name != Path(second.location).name
    frames = (tmp_path / first.location).read_bytes()[HEADER_SIZE:]
    assert frames != (tmp_path / second.location).read_bytes()[HEADER_SIZE:]
    await blobs.put(1, CONTENT)
    assert frames != (tmp_path / first.location).read_bytes()[HEADER_SIZE:]


def flip(position: int) -> Callable[[bytes], bytes]:
    def change(stored: bytes) -> bytes:
        at = position % len(stored)
        return stored[:at] + bytes([stored[at] ^ 1]) + stored[at + 1 :]

    return change


def frame(number: int) -> slice:
    return slice(HEADER_SIZE + number * SEALED_FRAME, HEADER_SIZE + (number + 1) * SEALED_FRAME)


def resized(stored: bytes, size: int) -> bytes:
    """With another plaintext size in the header, which is in its last 8 bytes before the sealed hash."""
    return stored[: HEADER_SIZE - 56] + size.to_bytes(8) + stored[HEADER_SIZE - 48 :]


TAMPERING: dict[str, Callable[[bytes], bytes]] = {
    "a bit of the magic": flip(0),
    "a bit of the salt": flip(20),
    "a bit of the size": flip(39),
    "a bit of the sealed hash": flip(HEADER_SIZE - 1),
    "a bit of the first frame": flip(HEADER_SIZE),
    "a bit of the last frame": flip(-1),
    "one byte cut off": lambda stored: stored[:-1],
    "the last frame cut off": lambda stored: stored[: frame(3).start],
    "the last frame cut off and the size made to fit": lambda stored: resized(stored[: frame(3).start], 3 * 65536),
    "all frames cut off": lambda stored: stored[:HEADER_SIZE],
    "half a header": lambda stored: stored[: HEADER_SIZE // 2],
    "nothing left": lambda _: b"",
    "a byte added": lambda stored: stored + b"\0",
    "frames in another order": lambda stored: (
        stored[:HEADER_SIZE] + stored[frame(1)] + stored[frame(0)] + stored[frame(2).start :]
    ),
    "a frame repeated": lambda stored: stored[:HEADER_SIZE] + stored[frame(0)] * 2 + stored[frame(2).start :],
}


@pytest.mark.parametrize("kind", TAMPERING)
async def test_tampering_is_detected(tmp_path: Path, read: Any, kind: str) -> None:
    blobs = open_blobs(str(tmp_path), KEY)
    blob = await blobs.put(1, CONTENT)
    path = tmp_path / blob.location
    stored = path.read_bytes()
    path.write_bytes(TAMPERING[kind](stored))
    with pytest.raises(BlobDamaged):
        await read(blobs, 1, blob.sha256)
    assert not await blobs.verify(1, blob.sha256)
    path.write_bytes(stored)
    assert await read(blobs, 1, blob.sha256) == CONTENT


async def test_frames_cut_off_are_noticed_by_a_range_that_does_not_touch_them(tmp_path: Path) -> None:
    blobs = open_blobs(str(tmp_path), KEY)
    blob = await blobs.put(1, CONTENT)
    os.truncate(tmp_path / blob.location, frame(3).start)
    with pytest.raises(BlobDamaged):
        await blobs.open(1, blob.sha256, 0, 10)


async def test_a_range_is_read_without_the_frames_around_it(tmp_path: Path, read: Any) -> None:
    blobs = open_blobs(str(tmp_path), KEY)
    blob = await blobs.put(1, CONTENT)
    path = tmp_path / blob.location
    path.write_bytes(flip(-1)(flip(HEADER_SIZE)(path.read_bytes())))
    assert await read(blobs, 1, blob.sha256, 65536, 3 * 65536) == CONTENT[65536 : 3 * 65536]
    with pytest.raises(BlobDamaged):
        await read(blobs, 1, blob.sha256, 65535, 3 * 65536)


@pytest.mark.parametrize(("sealed_as_last", "accepted"), [(True, True), (False, False)])
def test_a_frame_in_the_middle_never_passes_for_the_last(sealed_as_last: bool, accepted: bool) -> None:
    sha256 = hashlib.sha256(CONTENT[:65536]).hexdigest()
    sealer = Cipher(KEY).seal()
    sealed = sealer.frames(CONTENT[:65536], sealed_as_last)
    unsealer = Cipher(KEY).unseal(sealer.header(1, sha256, 65536), 1)
    assert (unsealer.sha256, unsealer.size) == (sha256, 65536)
    if accepted:
        assert unsealer.frames(0, sealed) == CONTENT[:65536]
    else:
        with pytest.raises(BlobDamaged):
            unsealer.frames(0, sealed)


async def swapped(tmp_path: Path, blobs: Blobs, organisations: tuple[int, int]) -> str:
    """Put the file of a second blob in the place of the first."""
    content, other = bytes(70_000), bytes(69_999) + b"x"
    first = await blobs.put(organisations[0], content)
    second = await blobs.put(organisations[1], content if organisations[0] != organisations[1] else other)
    (tmp_path / second.location).replace(tmp_path / first.location)
    return first.sha256


@pytest.mark.parametrize("organisations", [(1, 1), (1, 2)])
async def test_a_whole_file_in_the_place_of_another_is_detected(tmp_path: Path, organisations: tuple[int, int]) -> None:
    blobs = open_blobs(str(tmp_path), KEY)
    sha256 = await swapped(tmp_path, blobs, organisations)
    with pytest.raises(BlobDamaged):
        await blobs.open(organisations[0], sha256)


async def test_a_frame_of_another_file_is_detected(tmp_path: Path, read: Any) -> None:
    blobs = open_blobs(str(tmp_path), KEY)
    first, second = await blobs.put(1, CONTENT), await blobs.put(1, CONTENT[::-1])
    one, two = (tmp_path / first.location).read_bytes(), (tmp_path / second.location).read_bytes()
    (tmp_path / first.location).write_bytes(one[: frame(1).start] + two[frame(1)] + one[frame(2).start :])
    with pytest.raises(BlobDamaged, match="frame 1"):
        await read(blobs, 1, first.sha256)


@pytest.mark.parametrize("key", [OTHER, None], ids=["wrong", "forgotten"])
async def test_a_wrong_or_forgotten_key_is_said_and_never_taken_for_a_missing_blob(
    tmp_path: Path, key: bytes | None, listed: Any
) -> None:
    blob = await open_blobs(str(tmp_path), KEY).put(1, CONTENT)
    wrong = open_blobs(str(tmp_path), key)
    right_id = hashlib.sha256(KEY).hexdigest()[:16]
    with pytest.raises(BlobUnreadable, match=right_id) as refusal:
        await wrong.open(1, blob.sha256)
    assert not isinstance(refusal.value, BlobDamaged)
    with pytest.raises(BlobUnreadable, match=right_id):
        await wrong.delete(1, blob.sha256)
    assert not await listed(wrong)
    assert await open_blobs(str(tmp_path), KEY).verify(1, blob.sha256)


async def test_a_header_of_another_key_or_version_is_said(tmp_path: Path) -> None:
    blob = await open_blobs(str(tmp_path), KEY).put(1, CONTENT)
    header = (tmp_path / blob.location).read_bytes()[:HEADER_SIZE]
    with pytest.raises(BlobUnreadable, match=Cipher(KEY).key_id):
        Cipher(OTHER).unseal(header, 1)
    with pytest.raises(BlobUnreadable, match="format 2"):
        Cipher(KEY).unseal(header[:6] + b"\0\2" + header[8:], 1)


async def test_blobs_from_before_the_key_are_still_read_and_deleted(tmp_path: Path, read: Any) -> None:
    blob = await open_blobs(str(tmp_path)).put(1, CONTENT)
    blobs = open_blobs(str(tmp_path), KEY)
    assert await read(blobs, 1, blob.sha256, 5, 70_000) == CONTENT[5:70_000]
    again = await blobs.put(1, await blobs.open(1, blob.sha256))
    assert again.sha256 == blob.sha256
    assert again.location != blob.location
    assert await blobs.delete(1, blob.sha256)
    with pytest.raises(BlobMissing):
        await blobs.open(1, blob.sha256)
    assert not (tmp_path / blob.location).exists()


async def test_a_damaged_header_does_not_hide_the_other_keys(tmp_path: Path, listed: Any) -> None:
    blobs = open_blobs(str(tmp_path), KEY)
    damaged, sound = await blobs.put(1, b"one"), await blobs.put(1, b"two")
    path = tmp_path / damaged.location
    path.write_bytes(flip(HEADER_SIZE - 1)(path.read_bytes()))
    assert [key[1] for key in await listed(blobs)] == [sound.sha256]
