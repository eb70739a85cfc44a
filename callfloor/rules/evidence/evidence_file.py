"""Files of evidence (NDJSON): writing their lines, and checking them without a database.

The first line says whose evidence follows and where in the chain it begins; then come records, each day's signature
behind its last record; the last line says how many there were. All but the records are signed. Every line is canonical
JSON, so that no byte of it can be another.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, TypeVar, cast

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from callfloor.rules.evidence.evidence import (
    COMMITMENTS,
    START,
    Day,
    Link,
    Sealed,
    canonical,
    commitment,
    moment,
    record_fields,
    record_hash,
    sign,
    signed_bytes,
)

S = TypeVar("S", bound=msgspec.Struct)
KEY_BYTES = 32


class EvidenceError(ValueError):
    """A file of evidence is not what was written. `line`: the first one that shows it, from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line. `first`, `previous`: where in the chain the file begins. The days are those asked for."""

    version: Literal[1]
    organisation: str
    first: int
    previous: str
    public_key: str = msgspec.field(name="publicKey")
    exported_at: str = msgspec.field(name="exportedAt")
    from_day: date | None = msgspec.field(name="from")
    to_day: date | None = msgspec.field(name="to")
    # that signed before the one above did, which vouches for them; days may be signed with any of them
    older_keys: tuple[str, ...] | msgspec.UnsetType = msgspec.field(name="olderKeys", default=msgspec.UNSET)


class End(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The last line, so that none can be cut off. `header`: the signature of the first line."""

    header: str
    records: int
    days: int
    last: int
    head: str


class _Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    salt: str
    value: str


class _Record(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    attempt_id: int
    dialled_at: str
    position: int
    previous: str
    public: dict[str, Any]


class _RecordLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hash: str
    personal: dict[str, _Field]
    record: _Record


class EvidenceFile:
    """Writes the lines of a file: `header`, then `record` and `day` in the order of the chain, then `end`.
    `records` and `days` count what was written."""

    def __init__(self, organisation: str, signing_key: bytes, older_keys: Sequence[bytes] = ()) -> None:
        """`signing_key`: the raw 32 bytes of an Ed25519 private key; `older_keys`: public ones that signed before."""
        self._organisation, self._older = organisation, older_keys
        self._key = signing_key
        self._header = ""
        self._end = START
        self.records = self.days = 0

    def header(self, before: Link, from_day: date | None, to_day: date | None, at: datetime) -> bytes:
        """`before`: the record in front of the file's first."""
        public_key = Ed25519PrivateKey.from_private_bytes(self._key).public_key().public_bytes_raw()
        header = Header(
            version=1,
            organisation=self._organisation,
            first=before.position + 1,
            previous=before.hash.hex(),
            public_key=_encoded(public_key),
            exported_at=moment(at),
            from_day=from_day,
            to_day=to_day,
            older_keys=tuple(map(_encoded, self._older)) or msgspec.UNSET,
        )
        signature = sign("evidence", header, self._key)
        self._header, self._end = _encoded(signature), before
        return _signed_line("evidence", header, signature)

    def record(self, sealed: Sealed, personal: Any) -> bytes:
        """`personal`: decoded JSON."""
        self.records += 1
        self._end = sealed.link
        fields = {"hash": sealed.link.hash.hex(), "personal": personal, "record": record_fields(sealed)}
        return canonical(fields) + b"\n"

    def day(self, day: Day, signature: bytes) -> bytes:
        self.days += 1
        return _signed_line("day", day, signature)

    def end(self) -> bytes:
        end = End(
            header=self._header,
            records=self.records,
            days=self.days,
            last=self._end.position,
            head=self._end.hash.hex(),
        )
        return _signed_line("end", end, sign("end", end, self._key))


@dataclass(slots=True)
class CheckedEvidence:
    """A file in which everything fits. `unsigned`: records behind the last day's signature, held by that of the file.
    `late`: records dialled before the one in front of them. `compared`: days whose heads were given away.
    `erased`: personal fields that are there no more."""

    header: Header
    key_was_expected: bool
    records: int = 0
    days: int = 0
    erased: int = 0
    late: int = 0
    unsigned: int = 0
    compared: int = 0

    def __str__(self) -> str:
        heads = f", {self.compared} as their heads were given away" if self.compared else ""
        whose = "the expected key" if self.key_was_expected else "a key that was not compared with any"
        return (
            f"evidence of {self.header.organisation} up to {self.header.exported_at}: {self.records} records from"
            f" position {self.header.first} on, {self.days} signed days{heads}, {self.unsigned} records of a day"
            f" not signed yet, {self.late} sealed late, {self.erased} erased fields;"
            f" signed with {whose}: {self.header.public_key}"
        )


def read_key(text: str) -> bytes:
    """An Ed25519 public key in base64. Raises `ValueError`."""
    key = _decoded(text)
    if key is None or len(key) != KEY_BYTES:
        raise ValueError("is not an Ed25519 public key in base64")
    return key


def check(
    lines: Iterable[bytes], expected_keys: Collection[bytes] | None, heads: Mapping[date, Day] | None = None
) -> CheckedEvidence:
    """Check a file, given line by line with its line feeds; in constant memory.

    `expected_keys`: those that may have signed it; without them the file is only known to be whole, not whose it is.
    `heads`: days that were given away before, which must be the same. Raises `EvidenceError`.
    """
    reader = _Reader(expected_keys, heads or {})
    number = 0
    for number, line in enumerate(lines, 1):
        try:
            reader.read(line)
        except _Broken as broken:
            raise EvidenceError(number, str(broken)) from broken
    if reader.checked is None or not reader.ended:
        raise EvidenceError(number + 1, "the file ends before its last line: something was cut off")
    return reader.checked


class _Broken(ValueError):
    """What is wrong with the line that is read."""


class _Reader:
    """Where in the chain a check stands."""

    def __init__(self, expected_keys: Collection[bytes] | None, heads: Mapping[date, Day]) -> None:
        self.checked: CheckedEvidence | None = None
        self.ended = False
        self._expected, self._heads = expected_keys, heads
        self._key, self._older = b"", list[bytes]()
        self._header = ""
        self._end = self._signed = (0, "")
        self._day: date | None = None
        self._dialled = ("", 0)

    def read(self, line: bytes) -> None:
        value = _object(line)
        if self.ended:
            raise _Broken("something follows the last line")
        if self.checked is None:
            self._read_header(value)
        elif "record" in value:
            self._read_record(value, self.checked)
        elif "day" in value:
            self._read_day(value, self.checked)
        else:
            self._read_end(value, self.checked)

    def _read_header(self, value: dict[str, Any]) -> None:
        header = _converted(value.get("evidence"), Header, "the first line of evidence")
        try:
            self._key = read_key(header.public_key)
            self._older = [read_key(each) for each in header.older_keys or ()]
        except ValueError as error:
            raise _Broken(f"its publicKey {error}") from error
        if self._expected is not None and self._key not in self._expected:
            raise _Broken("the file was signed with another key than the expected one")
        self._header = self._verify("evidence", value)
        self._end = self._signed = (header.first - 1, header.previous)
        self.checked = CheckedEvidence(header, self._expected is not None)

    def _read_record(self, value: dict[str, Any], checked: CheckedEvidence) -> None:
        line = _converted(value, _RecordLine, "a record")
        position, previous = self._end
        if line.record.position != position + 1:
            raise _Broken(f"record {line.record.position} stands where record {position + 1} belongs")
        if line.record.previous != previous:
            raise _Broken(f"record {position + 1} does not follow from the record before it")
        if line.hash != record_hash(canonical(value["record"])).hex():
            raise _Broken(f"record {position + 1} was changed: its hash does not fit")
        commitments = _converted(line.record.public.get(COMMITMENTS), dict[str, str], "commitments")
        for name, field in line.personal.items():
            if commitments.get(name) != commitment(name, field.salt, field.value):
                raise _Broken(f"personal field {name!r} of record {position + 1} is not the one that was recorded")
        dialled = line.record.dialled_at, line.record.attempt_id
        checked.late += dialled < self._dialled
        checked.erased += len(commitments) - len(line.personal)
        checked.records += 1
        checked.unsigned += 1
        self._dialled = dialled
        self._end = position + 1, line.hash

    def _read_day(self, value: dict[str, Any], checked: CheckedEvidence) -> None:
        day = _converted(value["day"], Day, "a day's signature")
        self._verify("day", value, self._older)
        given = self._heads.get(day.day)
        if given is not None and given != day:
            raise _Broken(f"{day.day} is another than the one whose head was given away")
        (before, previous), (last, head) = self._signed, self._end
        if (day.first, day.last, day.count) != (before + 1, last, last - before):
            raise _Broken(
                f"{day.day} has {day.count} records from {day.first} to {day.last},"
                f" the file has {last - before} from {before + 1} to {last}"
            )
        if (day.previous, day.head) != (previous, head):
            raise _Broken(f"the records of {day.day} are not those that were signed")
        if self._day is not None and day.day <= self._day:
            raise _Broken(f"{day.day} stands behind {self._day}")
        if self._day is not None and any(self._day < each < day.day for each in self._heads):
            raise _Broken(f"a day before {day.day} is missing whose head was given away")
        checked.compared += given is not None
        self._day, self._signed = day.day, self._end
        checked.days += 1
        checked.unsigned = 0

    def _read_end(self, value: dict[str, Any], checked: CheckedEvidence) -> None:
        end = _converted(value.get("end"), End, "a line of evidence")
        self._verify("end", value)
        if end.header != self._header:
            raise _Broken("the last line belongs to another file")
        if (end.records, end.days, end.last, end.head) != (checked.records, checked.days, *self._end):
            raise _Broken(
                f"the file was written with {end.records} records and {end.days} days up to record {end.last},"
                f" and has {checked.records} and {checked.days} up to {self._end[0]}"
            )
        self.ended = True

    def _verify(self, name: str, value: dict[str, Any], older: Sequence[bytes] = ()) -> str:
        """Check a signed line; returns its signature in base64. `older`: keys that may have signed it, too."""
        if value.keys() != {name, "signature"}:
            raise _Broken("the line has fields that are not signed, or no signature")
        text = value["signature"]
        signature = _decoded(text) if isinstance(text, str) else None
        if signature is None:
            raise _Broken("its signature is not base64")
        content = signed_bytes(name, value[name])
        if not any(_signed_by(key, signature, content) for key in (self._key, *older)):
            raise _Broken("the signature does not fit: the line was changed after it was signed")
        return cast("str", text)


def _signed_by(key: bytes, signature: bytes, content: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, content)
    except InvalidSignature:
        return False
    return True


def heads(lines: Iterable[bytes], expected_keys: Collection[bytes] | None) -> dict[date, Day]:
    """The days of a file of heads (`head_lines`), or of a whole file of evidence. Raises `EvidenceError`."""
    found: dict[date, Day] = {}
    for number, line in enumerate(lines, 1):
        try:
            value = _object(line)
            if "day" in value:
                day = _converted(value["day"], Day, "a day's signature")
                _check_head(value, expected_keys)
                found[day.day] = day
        except _Broken as broken:
            raise EvidenceError(number, str(broken)) from broken
    return found


def _check_head(value: dict[str, Any], expected_keys: Collection[bytes] | None) -> None:
    signature = _decoded(str(value.get("signature")))
    content = signed_bytes("day", value["day"])
    if expected_keys is not None and not any(_signed_by(key, signature or b"", content) for key in expected_keys):
        raise _Broken("the head was signed with none of the expected keys")


def head_line(day: Day, signature: bytes) -> bytes:
    """A day as it is given away: its head holds all its records, and none of them can be read from it."""
    return _signed_line("day", day, signature)


def _object(line: bytes) -> dict[str, Any]:
    if not line.endswith(b"\n"):
        raise _Broken("the line is not whole: it has no line feed, or is far too long")
    try:
        value: object = json.loads(line)
        # also refuses a field given twice, of which readers take different ones
        plain = isinstance(value, dict) and canonical(cast("dict[str, Any]", value)) + b"\n" == line
    except (ValueError, RecursionError) as error:
        raise _Broken("the line is not JSON") from error
    if not plain:
        raise _Broken("the line is not a JSON object in canonical form")
    return cast("dict[str, Any]", value)


def _converted(value: object, kind: type[S] | type[dict[str, str]], what: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _Broken(f"this is not {what}: {error}") from error


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decoded(text: str) -> bytes | None:
    """The bytes of base64; None when it is not base64, or not the one way to write those bytes."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if _encoded(content) == text else None


def _signed_line(name: str, content: msgspec.Struct, signature: bytes) -> bytes:
    fields = {name: msgspec.to_builtins(content), "signature": _encoded(signature)}
    return canonical(fields) + b"\n"
