"""An authenticator of passkeys in software: what a security key would answer, and what a cheat would."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from callfloor.rules.people.passkeys import packed, unpacked

ORIGIN = "https://calls.example.com"
RP_ID = "calls.example.com"
PRESENT, VERIFIED, SYNCABLE, ATTESTED = 0x01, 0x04, 0x08, 0x40


@dataclass
class Authenticator:
    """One passkey on one device. `counter` None: it does not count. `origin`, `rp_id`: of the page that asks."""

    origin: str = ORIGIN
    rp_id: str = RP_ID
    counter: int | None = 0
    flags: int = PRESENT | VERIFIED
    cross_origin: bool = False
    handle: bytes = b""
    credential_id: bytes = field(default_factory=lambda: os.urandom(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.create` gives."""
        self.handle = unpacked(options["user"]["id"])
        data = self._data(self.flags | ATTESTED)
        data += bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + self._public_key()
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", options["challenge"])
        response = {"clientDataJSON": packed(client_data), "attestationObject": packed(attestation)}
        response |= {"transports": ["usb", "carrier-pigeon"]}
        return {"id": packed(self.credential_id), "type": "public-key", "response": response}

    def show(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.get` gives."""
        if self.counter is not None:
            self.counter += 1
        data = self._data(self.flags)
        client_data = self._client_data("webauthn.get", options["challenge"])
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": packed(client_data),
            "authenticatorData": packed(data),
            "signature": packed(signature),
            "userHandle": packed(self.handle),
        }
        extra = {"rawId": packed(self.credential_id), "clientExtensionResults": {}}
        return {"id": packed(self.credential_id), "type": "public-key", "response": response} | extra

    def _data(self, flags: int) -> bytes:
        counter = (self.counter or 0).to_bytes(4, "big")
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + counter

    def _client_data(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.cross_origin}
        return json.dumps(said).encode()

    def _public_key(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
