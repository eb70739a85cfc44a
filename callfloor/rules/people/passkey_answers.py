"""What an authenticator's answer is worth: a passkey that was made for us, or that was shown."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import CredentialDeviceType

from callfloor.contract.passkeys import MadePasskey, ShownPasskey
from callfloor.rules.people.passkeys import Made, PasskeyError, RelyingParty, unpacked

TRANSPORTS = frozenset({"usb", "nfc", "ble", "smart-card", "internal", "hybrid"})
# What readers of CBOR, JSON and keys raise for what is none; the library lets them pass.
_UNREADABLE = (
    WebAuthnException, UnsupportedAlgorithm, ValueError, TypeError, LookupError, AttributeError, ArithmeticError,
    RecursionError,
)  # fmt: skip


def verify_made(given: MadePasskey, party: RelyingParty, challenge: bytes) -> Made:
    """A passkey that was made for us, by somebody whom the authenticator knows. Raises `PasskeyError`."""
    response = {
        "clientDataJSON": given.response.client_data_json,
        "attestationObject": given.response.attestation_object,
    }
    try:
        found = verify_registration_response(
            credential={"id": given.id, "rawId": given.id, "type": "public-key", "response": response},
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except _UNREADABLE as error:
        raise PasskeyError(_reason(error)) from error
    if unpacked(given.id) != found.credential_id:
        raise PasskeyError("its id is not that of the passkey that was made")
    transports = tuple(sorted(TRANSPORTS.intersection(given.response.transports)))
    synced = found.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    return Made(found.credential_id, found.credential_public_key, found.sign_count, transports, synced)


def verify_shown(given: ShownPasskey, party: RelyingParty, challenge: bytes, public_key: bytes, handle: bytes) -> int:
    """Whether the holder of the passkey answered, known to the authenticator; the counter of its uses. Raises
    `PasskeyError`. What the counter means is `went_back`."""
    response = {
        "clientDataJSON": given.response.client_data_json,
        "authenticatorData": given.response.authenticator_data,
        "signature": given.response.signature,
    }
    shown = given.response.user_handle
    if shown and unpacked(shown) != handle:
        raise PasskeyError("the authenticator takes it for somebody else's")
    try:
        return verify_authentication_response(
            credential={"id": given.id, "rawId": given.id, "type": "public-key", "response": response},
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        ).new_sign_count
    except _UNREADABLE as error:
        raise PasskeyError(_reason(error)) from error


def _reason(error: Exception) -> str:
    # the library's other texts quote what was given
    return type(error).__name__
