"""Keys of organisations under a master key: AES-256-GCM, bound to whose key it is and what for.

A wrapped key is a nonce of 12 bytes and the ciphertext with its tag. Who has the database alone has neither the keys
nor a way to put others in their place.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES, NONCE_BYTES = 32, 12
_DOMAIN = b"callfloor wrapped key v1\n"


class KeyUnusable(RuntimeError):
    """A key cannot be read; the message says why and what to do, and holds nothing secret."""


def fingerprint(key: bytes) -> str:
    """By which a key is known: 16 hex digits of SHA-256. Of a secret key it tells nothing else."""
    return hashlib.sha256(b"callfloor key id v1\n" + key).hexdigest()[:16]


def parse(text: str) -> bytes:
    """A master key, 32 bytes in base64 or hex. Raises `KeyUnusable`."""
    given = text.strip()
    try:
        key = bytes.fromhex(given) if len(given) == 2 * KEY_BYTES else base64.b64decode(given, validate=True)
    except (ValueError, binascii.Error) as error:
        raise KeyUnusable("is neither base64 nor hex") from error
    if len(key) != KEY_BYTES:
        raise KeyUnusable(f"has {len(key)} bytes instead of {KEY_BYTES}")
    return key


def about(organisation: int, purpose: str, key_id: str) -> bytes:
    """What a wrapped key is bound to."""
    return _DOMAIN + f"{organisation} {purpose} {key_id}".encode()


def wrap(master: bytes, key: bytes, bound_to: bytes, nonce: bytes) -> bytes:
    """`nonce`: 12 random bytes, never used twice."""
    return nonce + AESGCM(master).encrypt(nonce, key, bound_to)


def unwrap(master: bytes, wrapped: bytes, bound_to: bytes) -> bytes:
    """Raises `KeyUnusable` for what was changed, or wrapped for somebody else."""
    try:
        return AESGCM(master).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as error:
        raise KeyUnusable("was changed in the database, or belongs to another organisation") from error
