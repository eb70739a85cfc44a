"""Encryption at rest: AES-256-GCM in frames, so that any range is read without the rest.

The frames follow the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár ("Online
Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015): a frame's nonce is a prefix,
the frame's number and a flag on the last frame, so frames cannot be cut off, reordered or repeated. Each file
has keys of its own (HKDF, RFC 5869, from the master key and a random salt), so frames of two files cannot be
swapped. The header seals the content's SHA-256 together with the organisation, so whole files cannot either.

    magic and version 8 | key id 8 | salt 16 | plaintext size 8 | sealed SHA-256 48 | frames of 64 KiB + 16
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from callfloor.media.errors import BlobConfigError, BlobDamaged, BlobUnreadable

KEY_SIZE = 32
FRAME = 64 * 1024
SEALED_FRAME = FRAME + 16
_MAGIC = b"CFBLOB"
_VERSION = 1
_FIELDS = struct.Struct(">6sH8s16sQ")
HEADER_SIZE = _FIELDS.size + 48
_PREFIX_SIZE = 7


def parse_key(text: str) -> bytes:
    """The 32 bytes that `text` spells in hex (64 digits) or base64, standard or URL-safe.

    Raises `BlobConfigError`, whose text does not repeat the key.
    """
    text = text.strip()
    try:
        if len(text) == 2 * KEY_SIZE:
            key = bytes.fromhex(text)
        else:
            standard = text.rstrip("=").translate(str.maketrans("-_", "+/"))
            key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_SIZE:
        # Outside of the handler: the cause would carry the key into logs.
        raise BlobConfigError("the media key must be 32 bytes, written as 64 hex digits or as 44 characters of base64")
    return key


class Cipher:
    """The master key and what is derived from it."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise BlobConfigError(f"the media key must be {KEY_SIZE} bytes")
        self._key = key
        self._id = hashlib.sha256(key).digest()[:8]
        self._name_key = _derive(key, None, b"callfloor blob name", 32)

    @property
    def key_id(self) -> str:
        """16 hex digits that tell keys apart and say nothing about them."""
        return self._id.hex()

    def name(self, organisation_id: int, sha256: str) -> str:
        """64 hex digits: what stands for the content's SHA-256 where it must not be revealed."""
        return hmac.digest(self._name_key, f"{organisation_id}/{sha256}".encode(), "sha256").hex()

    def seal(self) -> Sealer:
        """Start a file."""
        salt = os.urandom(16)
        return Sealer(self._id, salt, _FileKeys(self._key, salt))

    def unseal(self, header: bytes, organisation_id: int, stored_size: int | None = None) -> Unsealer:
        """Check the header of a file, and its length in bytes where given.

        Raises `BlobUnreadable` for another key or version, `BlobDamaged` for what was tampered with.
        """
        if len(header) != HEADER_SIZE or not header.startswith(_MAGIC):
            raise BlobDamaged("the stored blob has no header of an encrypted file")
        fields = header[: _FIELDS.size]
        _, version, key_id, salt, size = _FIELDS.unpack(fields)
        if version != _VERSION:
            raise BlobUnreadable(f"the stored blob has format {version}; this release reads {_VERSION}")
        if key_id != self._id:
            raise BlobUnreadable(
                f"the stored blob is encrypted with the key of id {key_id.hex()}; the one in use has {self.key_id}"
            )
        keys = _FileKeys(self._key, salt)
        try:
            digest = keys.header.decrypt(bytes(12), header[_FIELDS.size :], _bound(fields, organisation_id))
        except InvalidTag:
            raise BlobDamaged("the header of the stored blob was changed") from None
        if stored_size is not None and stored_size != HEADER_SIZE + size + 16 * _frames(size):
            raise BlobDamaged("the stored blob was cut off or added to")
        return Unsealer(size, digest.hex(), keys)


class Sealer:
    """Encrypts one file, front to back."""

    def __init__(self, key_id: bytes, salt: bytes, keys: _FileKeys) -> None:
        self._key_id = key_id
        self._salt = salt
        self._keys = keys
        self._count = 0

    def frames(self, plaintext: bytes, last: bool) -> bytes:
        """The next frames. Only the last call may give other than whole frames; an empty file is one empty frame."""
        sealed: list[bytes] = []
        for start in range(0, max(len(plaintext), 1), FRAME):
            nonce = self._keys.nonce(self._count, last and start + FRAME >= len(plaintext))
            sealed.append(self._keys.frames.encrypt(nonce, plaintext[start : start + FRAME], None))
            self._count += 1
        return b"".join(sealed)

    def header(self, organisation_id: int, sha256: str, size: int) -> bytes:
        """To be written before the frames, once the content's SHA-256 and size are known."""
        fields = _FIELDS.pack(_MAGIC, _VERSION, self._key_id, self._salt, size)
        bound = _bound(fields, organisation_id)
        return fields + self._keys.header.encrypt(bytes(12), bytes.fromhex(sha256), bound)


class Unsealer:
    """Decrypts any frames of one file."""

    def __init__(self, size: int, sha256: str, keys: _FileKeys) -> None:
        self.size = size
        self.sha256 = sha256
        self._keys = keys
        self._last = _frames(size) - 1

    def frames(self, first: int, sealed: bytes) -> bytes:
        """The plaintext of whole sealed frames, of which the first has the number `first`.

        Raises `BlobDamaged`.
        """
        plain: list[bytes] = []
        for number, start in enumerate(range(0, len(sealed), SEALED_FRAME), first):
            nonce = self._keys.nonce(number, number == self._last)
            try:
                plain.append(self._keys.frames.decrypt(nonce, sealed[start : start + SEALED_FRAME], None))
            except InvalidTag:
                raise BlobDamaged(f"frame {number} of the stored blob was changed") from None
        return plain[0] if len(plain) == 1 else b"".join(plain)


class _FileKeys:
    def __init__(self, key: bytes, salt: bytes) -> None:
        material = _derive(key, salt, b"callfloor blob file", 64 + _PREFIX_SIZE)
        self.frames = AESGCM(material[:32])
        self.header = AESGCM(material[32:64])
        self._prefix = material[64:]

    def nonce(self, number: int, last: bool) -> bytes:
        return self._prefix + number.to_bytes(4) + bytes([last])


def _derive(key: bytes, salt: bytes | None, purpose: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, purpose).derive(key)


def _bound(fields: bytes, organisation_id: int) -> bytes:
    return fields + organisation_id.to_bytes(8)


def _frames(size: int) -> int:
    return max(1, -(-size // FRAME))
