"""Records of evidence are kept short, and come back byte for byte."""

from __future__ import annotations

import hashlib
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callfloor.rules.evidence.evidence import canonical
from callfloor.rules.evidence.packing import DICTIONARY, RAW, pack, unpack

USUAL = {
    "agentReserved": False, "attemptId": 41, "attemptsBefore": 0, "attemptsOfNumber": 0, "campaignId": 3,
    "commitments": {"leadId": hashlib.sha256(b"1").hexdigest(), "phoneNumber": hashlib.sha256(b"2").hexdigest()},
    "localTimes": {"Europe/London": "2026-03-04T10:11:12.131415+00:00"}, "mode": "predictive", "regime": "UK",
    "rules": {"attempts": "2 of at most 7 attempts were made.",
        "do-not-call": "No phone of the lead is on a do-not-call list."},
}  # fmt: skip


def test_the_dictionary_that_records_were_packed_with_is_never_another() -> None:
    # another one gets a number of its own beside this
    assert hashlib.sha256(DICTIONARY).hexdigest() == "635e70e9292f9b3c4b9f0e17ea4232cfd66e064b4ad9c1ab338b407692a6abb7"


@given(st.text(st.characters(codec="utf-8")))
@example(canonical(USUAL).decode())
@example("")
def test_what_is_packed_comes_back_whole(text: str) -> None:
    assert unpack(pack(text)) == text
    assert unpack(b"\0" + text.encode()) == text


def test_a_usual_record_takes_half_of_what_it_says() -> None:
    text = canonical(USUAL)
    assert len(pack(text.decode())) < len(text) / 2


@given(st.binary())
@example(b"")
@example(b"\x02abc")
@example(b"\0\xff")
@example(pack("cut off")[:-1])
@example(pack("more") + b"x")
def test_what_is_not_packed_is_refused(data: bytes) -> None:
    try:
        text = unpack(data)
    except ValueError:
        return
    assert data[0] == 0 or unpack(pack(text)) == text


def test_a_record_that_would_fill_the_memory_is_refused() -> None:
    squeeze = zlib.compressobj(wbits=RAW, zdict=DICTIONARY)
    bomb = b"\1" + squeeze.compress(bytes(100_000_000)) + squeeze.flush()
    with pytest.raises(ValueError, match="does not end"):
        unpack(bomb)
