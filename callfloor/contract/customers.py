"""Erasure of a customer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from callfloor.contract.fields import Phone, Request, Struct


class CustomerQuery(Request):
    phone_number: Phone | None = None
    email_address: Annotated[str, Meta(max_length=254)] | None = None
    dry_run: Annotated[bool | None, Meta(description="Only count what would be erased.")] = None


class CallData(Struct):
    activities: int
    attempts: int
    recordings: int
    voicemails: int


class EmailData(Struct):
    messages: int
    attachments: int


class LeadErasure(Struct):
    leads: int
    import_rows: int


class Certificate(Struct):
    """What was erased and when, signed with Ed25519 (RFC 8032) over its other fields; holds no personal data."""

    id: str
    organisation: str
    erased_timestamp: str
    call_data: CallData
    email_data: EmailData
    lead_data: LeadErasure
    public_key: Annotated[str, Meta(description="Ed25519 public key, base64.")]
    signature: Annotated[str, Meta(description="Ed25519 signature, base64.")]


class Erasure(Struct):
    call_data: CallData
    email_data: EmailData
    lead_data: LeadErasure
    certificate: Certificate | None
