"""Certificates of erasure: what was erased and when, signed with Ed25519 (RFC 8032), without personal data.

Signed are the bytes `callfloor erasure certificate v1`, a line feed, and the certificate without its signature as JSON
in ASCII with sorted keys and no spaces: `json.dumps(fields, sort_keys=True, separators=(",", ":"))` in Python.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from callfloor.contract.customers import CallData, Certificate, EmailData, LeadErasure

DOMAIN = b"callfloor erasure certificate v1\n"


class CertificateError(ValueError):
    """The document is not a valid certificate; the message says why."""


@dataclass(frozen=True, slots=True)
class CheckedCertificate:
    """A certificate whose signature fits its public key."""

    certificate: Certificate
    key_was_expected: bool

    def __str__(self) -> str:
        given = self.certificate
        calls, mail, leads = given.call_data, given.email_data, given.lead_data
        whose = "the expected key" if self.key_was_expected else "a key that was not compared with any"
        return (
            f"erasure {given.id} by {given.organisation} at {given.erased_timestamp}:"
            f" {calls.activities} calls, {calls.attempts} attempts, {calls.recordings} recordings,"
            f" {calls.voicemails} voicemails, {mail.messages} messages, {mail.attachments} attachments,"
            f" {leads.leads} leads, {leads.import_rows} import rows; signed with {whose}: {given.public_key}"
        )


def issue(
    *,
    erasure_id: UUID,
    organisation: str,
    erased_timestamp: str,
    call_data: CallData,
    email_data: EmailData,
    lead_data: LeadErasure,
    signing_key: bytes,
) -> Certificate:
    """Sign what was erased. `signing_key`: the raw 32 bytes of an Ed25519 private key."""
    key = Ed25519PrivateKey.from_private_bytes(signing_key)
    certificate = Certificate(
        id=str(erasure_id),
        organisation=organisation,
        erased_timestamp=erased_timestamp,
        call_data=call_data,
        email_data=email_data,
        lead_data=lead_data,
        public_key=base64.b64encode(key.public_key().public_bytes_raw()).decode(),
        signature="",
    )
    certificate.signature = base64.b64encode(key.sign(signed_bytes(certificate))).decode()
    return certificate


def signed_bytes(certificate: Certificate) -> bytes:
    """What the signature is over."""
    fields = msgspec.to_builtins(certificate)
    del fields["signature"]
    return DOMAIN + json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")


def check(document: bytes, expected_keys: Collection[str] | None) -> CheckedCertificate:
    """Check a certificate, alone or inside the whole answer of the erasure.

    `expected_keys`: the organisation's public keys in base64, that of now and earlier ones. Without any the certificate
    is only known to be whole, not whose it is. Raises `CertificateError`.
    """
    expected = None if expected_keys is None else [_key(each, "the expected key") for each in expected_keys]
    certificate = _certificate(_object(document))
    public_key = _key(certificate.public_key, "its publicKey")
    if expected is not None and public_key not in expected:
        raise CertificateError("the certificate was signed with another key than the expected one")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(
            _base64(certificate.signature, "its signature"), signed_bytes(certificate)
        )
    except InvalidSignature as error:
        raise CertificateError("the signature does not fit: the certificate was changed after it was signed") from error
    return CheckedCertificate(certificate, expected is not None)


def _object(document: bytes) -> dict[str, Any]:
    try:
        value: object = json.loads(document.decode("utf-8-sig"), object_pairs_hook=_unrepeated)
    except (ValueError, RecursionError) as error:
        if isinstance(error, CertificateError):
            raise
        raise CertificateError("the document is not JSON") from error
    if not isinstance(value, dict):
        raise CertificateError("the document is not a certificate: it is not a JSON object")
    return cast("dict[str, Any]", value)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # readers differ in which of two they take, so that one could be shown and the other signed
    if len({name for name, _ in pairs}) < len(pairs):
        raise CertificateError("the document gives a field twice")
    return dict(pairs)


def _certificate(value: dict[str, Any]) -> Certificate:
    """The certificate itself. Counts beside it, in the whole answer, must be the same as in it."""
    inner: Any = value
    if "certificate" in value and "signature" not in value:
        inner = value["certificate"]
        if inner is None:
            raise CertificateError("the document holds no certificate: a dry run has none")
    try:
        certificate = msgspec.convert(inner, Certificate)
    except msgspec.ValidationError as error:
        raise CertificateError(f"the document is not a certificate: {error}") from error
    fields = msgspec.to_builtins(certificate)
    if fields != inner:
        raise CertificateError("the certificate has fields that no certificate has; they would not be signed")
    if inner is not value:
        _same_counts(value, fields)
    return certificate


def _same_counts(answer: Mapping[str, Any], certificate: Mapping[str, Any]) -> None:
    beside = {name: part for name, part in answer.items() if name != "certificate"}
    if beside != {name: certificate[name] for name in ("callData", "emailData", "leadData")}:
        raise CertificateError("what stands beside the certificate differs from what it certifies")


def _key(text: str, what: str) -> bytes:
    key = _base64(text, what)
    if len(key) != 32:
        raise CertificateError(f"{what} is not an Ed25519 public key: it has {len(key)} bytes instead of 32")
    return key


def _base64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CertificateError(f"{what} is not base64") from error
