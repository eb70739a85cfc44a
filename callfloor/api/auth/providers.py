"""Providers of OpenID Connect: what they say of themselves, and codes for tokens."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import structlog
from joserfc.jwk import Key

from callfloor.contract.single_sign_on import SingleSignOn
from callfloor.outbound import Outbound, OutboundError, Reply
from callfloor.rules.people.id_tokens import keys_of

LARGEST = 256 * 1024
ANSWERS_WITHIN_S = 5.0
# What a provider says of itself is asked anew so often, and what failed not sooner than that.
KEPT_S = 3600.0
FAILED_KEPT_S = 15.0
# A token with an unknown key makes us look at the keys again, so often at most.
KEYS_AGAIN_S = 30.0
MOST_KEPT = 1000

log = structlog.get_logger("callfloor.providers")


class ProviderError(Exception):
    """The provider cannot be asked, or what it says cannot be used. The message says what, and no secret of it."""


class Discovery(msgspec.Struct, frozen=True):
    """OpenID Connect Discovery 1.0, what of it we go by."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] = msgspec.field(default_factory=lambda: ["client_secret_basic"])
    authorization_response_iss_parameter_supported: bool = False


class Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str | None = None


class Providers:
    """Knows, for a while, what it was told. One of a process."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._known: dict[str, tuple[float, Discovery | ProviderError]] = {}
        self._keys: dict[str, tuple[float, list[Key]]] = {}

    async def aclose(self) -> None:
        await self._outbound.aclose()

    async def discovery(self, provider: SingleSignOn) -> Discovery:
        """Raises `ProviderError`."""
        issuer, now = provider.issuer, time.monotonic()
        at, known = self._known.get(issuer, (0.0, None))
        if known is None or now - at > (KEPT_S if isinstance(known, Discovery) else FAILED_KEPT_S):
            try:
                known = await self._discover(issuer)
            except ProviderError as error:
                log.warning("provider-failed", reason=str(error))
                known = error
            _keep(self._known, issuer, (now, known))
        if isinstance(known, ProviderError):
            raise ProviderError(str(known))
        return known

    async def keys(self, discovery: Discovery, *, anew: bool = False) -> list[Key]:
        """The keys that sign its tokens. `anew`: some may be new. Raises `ProviderError`."""
        now = time.monotonic()
        at, known = self._keys.get(discovery.jwks_uri, (0.0, None))
        if known is None or now - at > (KEYS_AGAIN_S if anew else KEPT_S):
            known = keys_of(_object(await self._get(discovery.jwks_uri, "keys")))
            _keep(self._keys, discovery.jwks_uri, (now, known))
        return known

    async def tokens(
        self, provider: SingleSignOn, discovery: Discovery, secret: str | None, code: str, verifier: str, back: str
    ) -> Tokens:
        """Spend a code. `back`: the address that it came to. Raises `ProviderError`."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        methods = discovery.token_endpoint_auth_methods_supported
        if secret is None or "client_secret_basic" not in methods:
            form["client_id"] = provider.client_id
        if secret is not None and "client_secret_basic" in methods:
            # RFC 6749 §2.3.1: both are form-encoded first
            pair = f"{quote(provider.client_id, safe='')}:{quote(secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif secret is not None and "client_secret_post" in methods:
            form["client_secret"] = secret
        elif secret is not None:
            raise ProviderError("it takes no secret in a way that we know (client_secret_basic, client_secret_post)")
        reply = await self._ask("POST", discovery.token_endpoint, headers, urlencode(form).encode(), "token")
        if reply.status != 200:
            raise ProviderError(f"it refused the code: {_error_of(reply)}")
        try:
            return msgspec.json.decode(reply.content, type=Tokens)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ProviderError("its answer to the code has no id_token") from error

    async def user_info(self, discovery: Discovery, access_token: str, subject: str) -> Mapping[str, Any]:
        """What it tells besides the token. Raises `ProviderError`."""
        if discovery.userinfo_endpoint is None:
            return {}
        headers = {"authorization": f"Bearer {access_token}", "accept": "application/json"}
        reply = await self._ask("GET", discovery.userinfo_endpoint, headers, b"", "userinfo")
        found = _object(reply)
        if found.get("sub") != subject:
            raise ProviderError("its userinfo is of somebody else")
        return found

    async def _discover(self, issuer: str) -> Discovery:
        reply = await self._get(issuer.rstrip("/") + "/.well-known/openid-configuration", "configuration")
        try:
            found = msgspec.convert(_object(reply), Discovery)
        except msgspec.ValidationError as error:
            raise ProviderError("its configuration lacks what OpenID Connect Discovery wants") from error
        if found.issuer != issuer:
            raise ProviderError("its configuration names another issuer than the one that is set here")
        secure = issuer.startswith("https:")
        for each in (
            found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint,
            found.end_session_endpoint,
        ):  # fmt: skip
            if each is not None and not _is_address(each, secure=secure):
                raise ProviderError("its configuration names an address that is not https://")
        return found

    async def _get(self, address: str, what: str) -> Reply:
        return await self._ask("GET", address, {"accept": "application/json"}, b"", what)

    async def _ask(self, method: str, address: str, headers: Mapping[str, str], body: bytes, what: str) -> Reply:
        try:
            return await self._outbound.ask(method, address, headers, body, largest=LARGEST, timeout_s=ANSWERS_WITHIN_S)
        except OutboundError as error:
            raise ProviderError(f"its {what} cannot be read: {error}") from error


def _keep(kept: dict[str, Any], name: str, value: object) -> None:
    # settings come and go; none is worth memory without end
    if len(kept) >= MOST_KEPT:
        kept.clear()
    kept[name] = value


def _object(reply: Reply) -> dict[str, Any]:
    if reply.status != 200:
        raise ProviderError(f"it answered with {reply.status}")
    try:
        return msgspec.json.decode(reply.content, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ProviderError("it answered with what is no JSON object") from error


def _error_of(reply: Reply) -> str:
    """Its word for what is wrong (RFC 6749 §5.2), where it is one."""
    try:
        word = msgspec.json.decode(reply.content, type=dict[str, Any]).get("error")
    except (msgspec.MsgspecError, RecursionError):
        word = None
    plain = isinstance(word, str) and len(word) <= 40 and word.replace("_", "").isalnum() and word.isascii()
    return word if isinstance(word, str) and plain else str(reply.status)


def _is_address(text: str, *, secure: bool) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.netloc) and (parts.scheme == "https" or (not secure and parts.scheme == "http"))
