"""Evidence: records, their chain, and files that are checked."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from callfloor.contract.codes import DialStatus
from callfloor.rules.evidence.evidence import (
    START,
    EvidenceRow,
    Link,
    Sealed,
    Unsealed,
    canonical,
    chain,
    day_of,
    day_to_seal,
    end_of,
    record,
    sign,
    sign_day,
)
from callfloor.rules.evidence.evidence_file import CheckedEvidence, EvidenceError, EvidenceFile, Header, check, read_key

KEY = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
STRANGER = bytes(32)
T0 = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
NUMBER = "+61491570156"

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
facts = st.dictionaries(
    st.text().filter(lambda name: name != "commitments"),
    st.recursive(scalars, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3)),
    max_size=5,
)
fields = st.dictionaries(st.text(min_size=1), st.text(), max_size=3)


def row(number: int, personal: dict[str, str] | None = None, **public: Any) -> EvidenceRow:
    given_fields = {"number": NUMBER} if personal is None else personal
    salts = {name: hashlib.sha256(f"{number} {name}".encode()).digest()[:16] for name in given_fields}
    return record(number, public, given_fields, salts)


@dataclass
class Written:
    """A file by its lines, and which of them are records."""

    lines: list[bytes]
    records: list[int]

    def check(self, key: bytes | None = PUBLIC) -> CheckedEvidence:
        return checked(b"".join(self.lines), key)


def checked(content: bytes, key: bytes | None = PUBLIC) -> CheckedEvidence:
    return check(io.BytesIO(content), None if key is None else [key])


def broken(content: bytes, key: bytes | None = PUBLIC) -> EvidenceError:
    with pytest.raises(EvidenceError) as caught:
        checked(content, key)
    return caught.value


def written(days: list[list[EvidenceRow]], key: bytes = KEY, before: Link = START, unsigned: int = 0) -> Written:
    """A file of consecutive days; the last `unsigned` of them have no signature yet."""
    writer = EvidenceFile("Größe & Söhne", key)
    found = Written([writer.header(before, None, None, T0)], [])
    for number, rows in enumerate(days):
        signed = before
        records = (Unsealed(each.attempt_id, T0 + timedelta(days=number), json.loads(each.public)) for each in rows)
        for each, sealed in zip(rows, chain(before, records), strict=True):
            found.records.append(len(found.lines))
            found.lines.append(writer.record(sealed, json.loads(each.personal)))
            before = sealed.link
        if rows and number < len(days) - unsigned:
            day = day_of(T0.date() + timedelta(days=number), signed, before, T0 + timedelta(days=number + 1))
            found.lines.append(writer.day(day, sign_day(day, key)))
    found.lines.append(writer.end())
    return found


def three_days() -> Written:
    return written([[row(3), row(1), row(2)], [row(4), row(5)], [row(6)]], unsigned=1)


def test_a_file_that_was_not_changed_is_valid_and_says_what_it_holds() -> None:
    found = three_days().check()
    assert (found.records, found.days, found.erased, found.late, found.unsigned) == (6, 2, 0, 1, 1)
    assert "6 records from position 1 on, 2 signed days, 1 records of a day not signed yet" in str(found)
    assert "1 sealed late, 0 erased fields; signed with the expected key" in str(found)
    assert "signed with a key that was not compared with any" in str(three_days().check(None))


def test_a_file_may_begin_inside_the_chain_and_may_be_empty() -> None:
    later = written([[row(8)], [row(9)]], before=Link(7, b"h" * 32)).check()
    assert (later.header.first, later.records) == (8, 2)
    assert written([]).check().records == 0


@given(st.lists(st.lists(st.tuples(facts, fields), max_size=3), max_size=4), st.integers(0, 2))
def test_whatever_is_recorded_is_valid(days: list[list[tuple[dict[str, Any], dict[str, str]]]], unsigned: int) -> None:
    numbered = [[row(number, each[1], **each[0]) for number, each in enumerate(day)] for day in days]
    found = written(numbered, unsigned=unsigned).check()
    assert found.records == sum(map(len, days))
    assert found.erased == 0


def test_the_hash_is_the_one_that_the_documents_describe() -> None:
    line = json.loads(three_days().lines[2])
    assert line["record"]["previous"] == json.loads(three_days().lines[1])["hash"]
    plain = json.dumps(line["record"], sort_keys=True, separators=(",", ":")).encode()
    assert three_days().lines[2].endswith(b'"record":' + plain + b"}\n")
    assert hashlib.sha256(b"callfloor evidence record v1\n" + plain).hexdigest() == line["hash"]
    field = line["personal"]["number"]
    plain = json.dumps(["number", field["salt"], NUMBER], separators=(",", ":")).encode()
    committed = hashlib.sha256(b"callfloor evidence field v1\n" + plain).hexdigest()
    assert line["record"]["public"]["commitments"] == {"number": committed}


# Any change is found.


@given(st.data())
def test_a_change_of_any_byte_is_found_at_its_line(data: st.DataObject) -> None:
    lines = three_days().lines
    number = data.draw(st.integers(0, len(lines) - 1))
    line = lines[number]
    place = data.draw(st.integers(0, len(line) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda other: other != line[place]))
    lines[number] = line[:place] + bytes([byte]) + line[place + 1 :]
    assert broken(b"".join(lines)).line == number + 1
    assert broken(b"".join(lines), None).line == number + 1


def test_a_change_of_any_byte_of_a_record_into_its_neighbour_is_found() -> None:
    lines = three_days().lines
    line = lines[2]
    for place in range(len(line)):
        for bit in (1, 0x20):
            lines[2] = line[:place] + bytes([line[place] ^ bit]) + line[place + 1 :]
            assert broken(b"".join(lines)).line == 3


@given(st.data())
def test_bytes_that_are_put_in_or_taken_out_are_found(data: st.DataObject) -> None:
    content = b"".join(three_days().lines)
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 3)))
    put = data.draw(st.binary(max_size=3) | st.sampled_from([b" ", b"\n", b"{}\n", b"0"]))
    changed = content[:start] + put + content[end:]
    if changed != content:
        broken(changed)


@given(st.data())
def test_lines_that_are_taken_out_put_in_or_moved_are_found(data: st.DataObject) -> None:
    whole = three_days().lines
    lines = list(whole)
    first, second = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    how = data.draw(st.sampled_from(["remove", "cut", "swap", "insert"]))
    if how == "remove":
        del lines[first]
    elif how == "cut":
        del lines[first:]
    elif how == "swap":
        lines[first], lines[second] = lines[second], lines[first]
    else:
        lines.insert(first, lines[second])
    if lines != whole:
        broken(b"".join(lines))


def test_a_chain_made_anew_without_the_key_is_found() -> None:
    """Who changes a record and every hash after it still cannot sign."""
    whole = three_days()
    days = [[row(3), row(1, fake=True), row(2)], [row(4), row(5)], [row(6)]]
    changed = written(days, STRANGER, unsigned=1)
    assert broken(b"".join(changed.lines)).reason == "the file was signed with another key than the expected one"
    # valid in itself, but the report names a key that is not the organisation's
    assert changed.check(None).header.public_key != base64.b64encode(PUBLIC).decode()
    forged = [changed.lines[place] if place in whole.records else line for place, line in enumerate(whole.lines)]
    assert broken(b"".join(forged), None).line == 5
    assert broken(b"".join(forged), None).reason == "the records of 2026-11-24 are not those that were signed"
    # a day that is not signed yet is held by the last line
    unsigned = written([[row(3), row(1), row(2)], [row(4), row(5)], [row(6, fake=True)]], unsigned=1)
    forged = [*whole.lines[:8], unsigned.lines[8], whole.lines[9]]
    assert broken(b"".join(forged)).line == 10
    another = EvidenceFile("Größe & Söhne", KEY)
    another.header(START, T0.date(), None, T0)
    forged = [*whole.lines[:9], another.end()]
    assert broken(b"".join(forged)).reason == "the last line belongs to another file"


def test_a_day_cannot_be_left_out_or_stand_twice() -> None:
    lines = three_days().lines
    without_signature = [*lines[:4], *lines[5:]]
    assert broken(b"".join(without_signature)).reason == (
        "2026-11-25 has 2 records from 4 to 5, the file has 5 from 1 to 5"
    )
    assert broken(b"".join([*lines[:5], lines[4], *lines[5:]])).reason == (
        "2026-11-24 has 3 records from 1 to 3, the file has 0 from 4 to 3"
    )
    assert broken(b"".join([lines[0], *lines[5:]])).reason == "record 4 stands where record 1 belongs"
    again = row(4)
    writer = EvidenceFile("One", KEY)
    content = [writer.header(START, None, None, T0)]
    end = START
    for _ in range(2):
        (sealed,) = chain(end, [Unsealed(4, T0, json.loads(again.public))])
        day = day_of(T0.date(), end, sealed.link, T0)
        content += [writer.record(sealed, {}), writer.day(day, sign_day(day, KEY))]
        end = sealed.link
    assert broken(b"".join([*content, writer.end()])).reason == "2026-11-24 stands behind 2026-11-24"


# Erasure breaks nothing.


@given(st.lists(fields, min_size=1, max_size=6), st.data())
def test_any_personal_fields_may_be_erased(personal: list[dict[str, str]], data: st.DataObject) -> None:
    found = written([[row(number, each) for number, each in enumerate(personal)]])
    erased = 0
    for place in found.records:
        line = json.loads(found.lines[place])
        for name in data.draw(st.sets(st.sampled_from(sorted(line["personal"])))) if line["personal"] else ():
            del line["personal"][name]
            erased += 1
        found.lines[place] = canonical(line) + b"\n"
    assert found.check().erased == erased


def test_a_personal_field_cannot_be_changed_added_renamed_or_taken_from_another_record() -> None:
    def changed(personal: Any) -> str:
        lines = three_days().lines
        line = json.loads(lines[1]) | {"personal": personal}
        lines[1] = canonical(line) + b"\n"
        error = broken(b"".join(lines))
        assert error.line == 2
        return error.reason

    field = json.loads(three_days().lines[1])["personal"]["number"]
    others = json.loads(three_days().lines[2])["personal"]["number"]
    said = "personal field 'number' of record 1 is not the one that was recorded"
    assert changed({"number": field | {"value": "+61491570157"}}) == said
    assert changed({"number": field | {"salt": field["salt"].upper()}}) == said
    assert changed({"number": others}) == said
    assert changed({"number": field, "name": field}).startswith("personal field 'name'")
    assert changed({"name": field}).startswith("personal field 'name'")
    assert "this is not a record" in changed({"number": NUMBER})
    assert "this is not a record" in changed([])


# Records.


def test_nothing_personal_is_public_and_equal_numbers_look_different() -> None:
    first, second = row(1, campaignId=7), row(2, campaignId=7)
    assert NUMBER not in first.public
    assert json.loads(first.personal)["number"]["value"] == NUMBER
    assert json.loads(first.public)["commitments"] != json.loads(second.public)["commitments"]


def test_facts_may_be_structs_enums_and_times() -> None:
    local = datetime(2026, 11, 24, 13, 0, tzinfo=ZoneInfo("Australia/Sydney"))
    kept = json.loads(row(1, at=local, status=DialStatus.BUSY, pacing=START, day=date(2026, 11, 24)).public)
    assert kept["at"] == "2026-11-24T13:00:00+11:00"
    assert (kept["status"], kept["day"]) == (int(DialStatus.BUSY), "2026-11-24")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [{"deep": float("-inf")}]])
def test_numbers_that_json_does_not_have_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        row(1, rate=value)


def test_what_would_weaken_a_commitment_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 16 bytes"):
        record(1, {}, {"number": NUMBER}, {"number": b"short"})
    with pytest.raises(ValueError, match="is not a fact"):
        record(1, {"commitments": {}}, {"number": NUMBER}, {"number": bytes(16)})
    with pytest.raises(KeyError):
        record(1, {}, {"number": NUMBER}, {})


# Days.


def test_records_are_sealed_under_the_day_of_the_first_that_is_not_signed() -> None:
    today, midnight = date(2026, 11, 24), datetime(2026, 11, 24, tzinfo=UTC)
    assert end_of(today) == midnight + timedelta(days=1)
    assert day_to_seal(None, midnight, T0) == today
    assert day_to_seal(None, midnight - timedelta(microseconds=1), T0) == date(2026, 11, 23)
    assert day_to_seal(date(2026, 11, 20), midnight - timedelta(days=2), T0) == date(2026, 11, 22)
    # a record that comes when its day is signed belongs to the next
    assert day_to_seal(date(2026, 11, 23), midnight - timedelta(days=2), T0) == today


@given(
    st.none() | st.dates(date(2026, 11, 1), date(2026, 11, 23)),
    st.timedeltas(timedelta(days=-60), timedelta(days=1200)),
)
def test_a_day_is_never_signed_twice_and_never_waits_for_the_future(signed: date | None, first: timedelta) -> None:
    day = day_to_seal(signed, T0 + first, T0)
    assert signed is None or day > signed
    assert day <= T0.date()


# Files that are no evidence.


def shaped(value: object) -> bytes:
    return canonical(value) + b"\n"


def header_with(**changes: Any) -> bytes:
    fields = json.loads(written([]).lines[0])["evidence"] | changes
    return shaped({"evidence": fields, "signature": base64.b64encode(bytes(64)).decode()})


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 1, "the file ends before its last line"),
        (b"\n", 1, "is not JSON"),
        (b"[]\n", 1, "not a JSON object in canonical form"),
        (b"{}", 1, "is not whole"),
        (b"{}\n", 1, "this is not the first line of evidence"),
        (b'{"a":NaN}\n', 1, "is not JSON"),
        (b"[" * 100_000 + b"\n", 1, "is not JSON"),
        (b'{"a":' + b"9" * 5_000 + b"}\n", 1, "is not JSON"),
        (b'{"a":1,"a":1}\n', 1, "not a JSON object in canonical form"),
        (b'{"a": 1}\n', 1, "not a JSON object in canonical form"),
        (b"\xef\xbb\xbf{}\n", 1, "not"),
        ("{}\n".encode("utf-16"), 1, "not"),
        (header_with(version=2), 1, "this is not the first line"),
        (header_with(publicKey="AAAA"), 1, "its publicKey is not an Ed25519 public key"),
        (header_with(), 1, "the signature does not fit"),
        (written([]).lines[0], 2, "the file ends before its last line"),
        (written([]).lines[0] + shaped({"more": 1}), 2, "this is not a line of evidence"),
        (written([]).lines[0] + shaped({"record": 1}), 2, "this is not a record"),
        (written([]).lines[0] + shaped({"day": 1}), 2, "this is not a day's signature"),
        (b"".join(written([]).lines) + b"{}\n", 3, "something follows the last line"),
    ],
)
def test_what_is_no_evidence_is_said(content: bytes, line: int, message: str) -> None:
    error = broken(content, None)
    assert error.line == line
    assert message in error.reason


def test_a_signature_must_be_written_in_the_one_way() -> None:
    lines = three_days().lines
    for change in ({"signature": 1}, {"signature": "?"}, {"more": 1}):
        changed = list(lines)
        changed[4] = shaped(json.loads(lines[4]) | change)
        assert broken(b"".join(changed)).line == 5


def test_a_header_that_the_stranger_signed_for_our_key_is_refused() -> None:
    fields = json.loads(written([]).lines[0])["evidence"]
    signature = sign("evidence", msgspec.convert(fields, Header), STRANGER)
    line = shaped(json.loads(written([]).lines[0]) | {"signature": base64.b64encode(signature).decode()})
    assert "the signature does not fit" in broken(line).reason


@pytest.mark.parametrize("text", ["", "AAAA", "not a key", base64.b64encode(bytes(33)).decode()])
def test_a_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an Ed25519 public key"):
        read_key(text)


def test_a_chain_goes_on_where_it_stood() -> None:
    records = [Unsealed(number, T0, {}) for number in range(5)]
    whole = list(chain(START, records))
    first = list(chain(START, records[:2]))
    assert [*first, *chain(first[-1].link, records[2:])] == whole
    assert [each.link.position for each in whole] == [1, 2, 3, 4, 5]
    assert all(isinstance(each, Sealed) for each in whole)
