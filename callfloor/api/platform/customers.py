"""Erasure of a customer."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from uuid import uuid4

import msgspec
import structlog

from callfloor.api.audits import own
from callfloor.api.call import ENCODE, Call, held, invalid
from callfloor.api.operation import operation
from callfloor.contract.customers import Certificate, CustomerQuery, Erasure
from callfloor.errors import CustomerInCall, FieldError, Invalid, LegalHold, Unavailable
from callfloor.jobs.media import FAILURES
from callfloor.rules.privacy import certificates
from callfloor.rules.privacy.customers import Customer
from callfloor.rules.privacy.identifiers import EmailError, normalise_email
from callfloor.rules.values.phones import PhoneError, normalise
from callfloor.rules.values.times import format_timestamp
from callfloor.store.privacy import erasure, keys

AT_ONCE = 16
_SHOWN = re.compile(r"\+[0-9]{1,20}", re.ASCII)

_COUNTS: dict[str, Any] = {
    "callData": {"activities": 12, "attempts": 9, "recordings": 4, "voicemails": 1},
    "emailData": {"messages": 2, "attachments": 1},
    "leadData": {"leads": 2, "importRows": 1},
}
ERASURE_EXAMPLE: dict[str, Any] = _COUNTS | {
    "certificate": _COUNTS
    | {
        "id": "7f3f2c1e-8f0e-4a53-9a53-0f8b3f0f8c55",
        "organisation": "Example Centre",
        "erasedTimestamp": "2021-08-01T13:55:06+10:00",
        "publicKey": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "signature": "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==",
    }
}

log = structlog.get_logger("callfloor.api")


@operation(
    "DELETE",
    "/customer",
    scope="customers:erase",
    summary="Delete all customer data",
    tag="customer",
    example=ERASURE_EXAMPLE,
    query={"phoneNumber": "+61491570156", "emailAddress": "jane@example.com"},
    problems=[CustomerInCall, LegalHold],
    audits=own("customer.erase", "customer"),
)
async def erase_customer(call: Call, query: CustomerQuery) -> Erasure:
    """Erase a person, by number, e-mail address or both, to the last copy.

    Leads go; calls and attempts stay as figures without personal data; bytes of media are destroyed. The answer says
    how many of each. `dryRun=true` only counts. The certificate can be checked offline and holds no personal data.
    """
    customer, doubt = _customer(call, query)
    organisation = call.caller.organisation
    async with call.db.transaction():
        try:
            erased = await erasure.erase(
                call.db,
                organisation,
                customer,
                by=call.actor,
                at=call.now,
                dry_run=bool(query.dry_run),
            )
        except erasure.InCallError as error:
            raise CustomerInCall("The customer is in a call now; erase when it is over.") from error
        except erasure.HeldError as error:
            raise held("What is to be erased", error.holds) from error
        if doubt is not None and _is_nothing(erased):
            # no certificate for somebody who cannot be
            raise doubt
        certificate = None if query.dry_run else await _certify(call, erased)
        found = {"calls": erased.call_data, "emails": erased.email_data, "leads": erased.lead_data}
        name = None if certificate is None else certificate.id
        call.audit.entry(name=name, dryRun=bool(query.dry_run), found=found)
        await call.audit.write()
        await _destroy(call, erased.contents)
    return Erasure(
        call_data=erased.call_data,
        email_data=erased.email_data,
        lead_data=erased.lead_data,
        certificate=certificate,
    )


def _customer(call: Call, query: CustomerQuery) -> tuple[Customer, Invalid | None]:
    """Whose data is asked for, and what to answer should there be none: a number that cannot be one is looked for when
    it is written just as an answer shows it, because a trunk may have named a caller so."""
    country = call.caller.organisation.country
    number = address = doubt = None
    if query.phone_number is not None:
        # an unescaped + arrives as a space
        text = query.phone_number
        text = f"+{text[1:]}" if text.startswith(" ") else text
        try:
            number = normalise(text, country, call.caller.organisation.new_number_ranges)
        except PhoneError as error:
            doubt = invalid("phoneNumber", error.code, str(error), in_body=False)
            if _SHOWN.fullmatch(text) is None or query.email_address is not None:
                raise doubt from error
            number = text
    if query.email_address is not None:
        try:
            address = normalise_email(query.email_address)
        except EmailError as error:
            raise invalid("emailAddress", "invalid-email", str(error), in_body=False) from error
    if number is None and address is None:
        names = ("phoneNumber", "emailAddress")
        faults = [FieldError("required", "is required, or the other one", parameter=name) for name in names]
        raise Invalid("Give phoneNumber, emailAddress or both.", errors=faults)
    return Customer(number, address, country), doubt


def _is_nothing(erased: erasure.Erased) -> bool:
    return not any(
        count
        for part in (erased.call_data, erased.email_data, erased.lead_data)
        for count in msgspec.structs.astuple(part)
    )


async def _certify(call: Call, erased: erasure.Erased) -> Certificate:
    certificate = certificates.issue(
        erasure_id=(erasure_id := uuid4()),
        organisation=call.caller.organisation.name,
        erased_timestamp=format_timestamp(call.now, call.zone),
        call_data=erased.call_data,
        email_data=erased.email_data,
        lead_data=erased.lead_data,
        signing_key=(await keys.current(call.db, call.organisation, "signing")).secret,
    )
    await erasure.record(call.db, call.organisation, erasure_id, call.now, ENCODE(certificate))
    return certificate


async def _destroy(call: Call, contents: list[str]) -> None:
    """Destroy bytes before the transaction commits: an answer never says more than what is done.

    When it fails, nothing else is erased either, and the request can be sent again. Raises `Unavailable`.
    """
    for start in range(0, len(contents), AT_ONCE):
        part = contents[start : start + AT_ONCE]
        results = await asyncio.gather(
            *(call.services.blobs.delete(call.organisation, sha256) for sha256 in part), return_exceptions=True
        )
        for result in results:
            if isinstance(result, FAILURES):
                log.error("erasure-incomplete", organisation=call.organisation, kind=type(result).__name__)
                raise Unavailable(
                    "The media store cannot destroy the recordings now; erase again.", headers={"Retry-After": "60"}
                ) from result
            if isinstance(result, BaseException):
                raise result
    await erasure.destroyed(call.db, call.organisation, contents)
