"""ID tokens of OpenID Connect: who signed them, for whom, for which attempt, and until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

# Signatures that only the provider can make; what is signed with a shared secret, or not at all, is none.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
LONGEST = 64 * 1024
# Clocks may differ by so much either way, in seconds.
LEEWAY_S = 60


class IdTokenError(ValueError):
    """The token proves nothing. The message says which rule it broke, and nothing that stands in it."""


class UnknownKeyError(IdTokenError):
    """It is signed with a key that is not among those known: the provider may have new ones."""


def keys_of(given: Mapping[str, Any]) -> list[Key]:
    """The keys of a JWKS that sign; others, and those of kinds that nobody here knows, are left out."""
    try:
        listed = msgspec.convert(given.get("keys"), list[dict[str, Any]])
    except msgspec.ValidationError:
        return []
    found: list[Key] = []
    for each in listed:
        try:
            if each.get("use", "sig") == "sig" and each.get("kty") != "oct":
                found.append(JWKRegistry.import_key(each))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return found


def claims_of(
    token: str, keys: Sequence[Key], *, issuer: str, client_id: str, nonce: str, access_token: str | None, now: datetime
) -> dict[str, Any]:
    """What a token says, once it is shown to be of the issuer, for us, for this attempt, and in force. Raises
    `IdTokenError`, `UnknownKeyError`."""
    if len(token) > LONGEST:
        raise IdTokenError("the token is too long")
    try:
        header = jws.extract_compact(token.encode()).headers()
        if header.get("alg") not in ALGORITHMS:
            raise IdTokenError("the token is not signed as it has to be")
        read = jwt.decode(token, _key(keys, header.get("kid")), algorithms=list(ALGORITHMS))
        options: dict[str, Any] = {
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": client_id},
            "sub": {"essential": True},
            "nonce": {"essential": True},
        }
        params = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
        checked: Any = CodeIDToken(read.claims, read.header, options, params)
        checked.validate(int(now.timestamp()), LEEWAY_S)
    except JoseError as error:
        raise IdTokenError(f"the token breaks the rule {error.error}") from error
    except (ValueError, TypeError, KeyError) as error:
        if isinstance(error, IdTokenError):
            raise
        raise IdTokenError("the token cannot be read") from error
    subject = read.claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise IdTokenError("the token names nobody")
    return dict(read.claims)


def _key(keys: Sequence[Key], kid: object) -> Key:
    """A token that does not name its key is tried with a single one."""
    fitting = [each for each in keys if kid is None or each.kid == kid]
    if not fitting or (kid is None and len(fitting) > 1):
        raise UnknownKeyError("the token is signed with a key that the provider does not show")
    return fitting[0]
