"""Certificates of erasure."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from callfloor.contract.customers import CallData, Certificate, EmailData, Erasure, LeadErasure
from callfloor.rules.privacy.certificates import DOMAIN, CertificateError, check, issue

KEY = bytes(range(32))
PUBLIC = base64.b64encode(Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()).decode()
OTHER = base64.b64encode(Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()).decode()
CALLS = CallData(activities=12, attempts=9, recordings=4, voicemails=1)
MAIL = EmailData(messages=2, attachments=1)
LEADS = LeadErasure(leads=2, import_rows=1)


def certificate(organisation: str = "Größe & Söhne", key: bytes = KEY) -> Certificate:
    return issue(
        erasure_id=UUID("7f3f2c1e-8f0e-4a53-9a53-0f8b3f0f8c55"),
        organisation=organisation,
        erased_timestamp="2021-08-01T13:55:06+10:00",
        call_data=CALLS,
        email_data=MAIL,
        lead_data=LEADS,
        signing_key=key,
    )


def document(change: Callable[[dict[str, Any]], object] | None = None) -> bytes:
    fields = msgspec.to_builtins(certificate())
    if change is not None:
        change(fields)
    return json.dumps(fields).encode()


def answer(change: Callable[[dict[str, Any]], object] | None = None) -> bytes:
    whole = Erasure(call_data=CALLS, email_data=MAIL, lead_data=LEADS, certificate=certificate())
    fields = msgspec.to_builtins(whole)
    if change is not None:
        change(fields)
    return json.dumps(fields).encode()


def test_a_certificate_is_checked_alone_and_inside_the_whole_answer() -> None:
    for given_document in (
        document(),
        answer(),
        b"\xef\xbb\xbf" + document(),
        json.dumps(json.loads(answer()), indent=2).encode(),
    ):
        checked = check(given_document, [PUBLIC])
        assert checked.certificate == certificate()
        assert "12 calls, 9 attempts, 4 recordings, 1 voicemails, 2 messages, 1 attachments, 2 leads" in str(checked)
        assert "signed with the expected key" in str(checked)


def test_without_an_expected_key_the_result_says_that_none_was_compared() -> None:
    assert f"a key that was not compared with any: {PUBLIC}" in str(check(document(), None))


def test_the_signed_bytes_are_the_ones_that_the_document_describes() -> None:
    fields = json.loads(document())
    signature = base64.b64decode(fields.pop("signature"))
    signed = DOMAIN + json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    Ed25519PublicKey.from_public_bytes(base64.b64decode(PUBLIC)).verify(signature, signed)


@given(st.text(), st.binary(min_size=32, max_size=32))
def test_any_organisation_and_key_gives_a_certificate_that_checks(organisation: str, key: bytes) -> None:
    made = certificate(organisation, key)
    assert check(msgspec.json.encode(made), [made.public_key]).certificate == made


def test_another_key_than_the_expected_one_is_refused() -> None:
    with pytest.raises(CertificateError, match="another key than the expected"):
        check(document(), [OTHER])
    with pytest.raises(CertificateError, match="the expected key is not base64"):
        check(document(), ["not a key"])
    with pytest.raises(CertificateError, match="31 bytes instead of 32"):
        check(document(), [base64.b64encode(bytes(31)).decode()])


@pytest.mark.parametrize(
    "path",
    [
        ("id",),
        ("organisation",),
        ("erasedTimestamp",),
        *(
            (group, name)
            for group, names in {
                "callData": ("activities", "attempts", "recordings", "voicemails"),
                "emailData": ("messages", "attachments"),
                "leadData": ("leads", "importRows"),
            }.items()
            for name in names
        ),
    ],
)
def test_a_change_of_any_field_is_seen(path: tuple[str, ...]) -> None:
    def change(fields: dict[str, Any]) -> None:
        for name in path[:-1]:
            fields = fields[name]
        value = fields[path[-1]]
        fields[path[-1]] = value + 1 if isinstance(value, int) else f"{value}."

    with pytest.raises(CertificateError, match="the signature does not fit"):
        check(document(change), [PUBLIC])


def test_a_certificate_signed_again_by_a_stranger_is_refused() -> None:
    stranger = msgspec.json.encode(certificate(key=bytes(32)))
    assert check(stranger, None).certificate.public_key == OTHER
    with pytest.raises(CertificateError, match="another key"):
        check(stranger, [PUBLIC])
    with pytest.raises(CertificateError, match="does not fit"):
        check(document(lambda fields: fields.update(publicKey=OTHER)), [OTHER])


@pytest.mark.parametrize(
    ("given_document", "message"),
    [
        (b"", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "not a certificate: Object missing required field"),
        (document(lambda fields: fields.pop("signature")), "missing required field `signature`"),
        (document(lambda fields: fields.update(signature="?")), "its signature is not base64"),
        (document(lambda fields: fields.update(signature="AAAA")), "does not fit"),
        (document(lambda fields: fields.update(publicKey="AAAA")), "its publicKey is not an Ed25519 public key"),
        (document(lambda fields: fields.update(note="and more")), "fields that no certificate has"),
        (document(lambda fields: fields["callData"].update(note=1)), "fields that no certificate has"),
        (document()[:-1] + b', "id": "twice"}', "gives a field twice"),
        (answer(lambda fields: fields.update(certificate=None)), "a dry run has none"),
        (answer(lambda fields: fields["callData"].update(recordings=99)), "differs from what it certifies"),
        (answer(lambda fields: fields.update(more=1)), "differs from what it certifies"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(given_document: bytes, message: str) -> None:
    with pytest.raises(CertificateError, match=message):
        check(given_document, [PUBLIC])
