"""Providers of OpenID Connect for tests: a real one from PyPI, and one that keeps to the rules but where it cheats."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.api.sockets import served

SECRET = "of the client, and of nobody else"
CLIENT = "callfloor"


@contextmanager
def real_provider(*people: Mapping[str, Any]) -> Generator[str]:
    """The issuer of `oidc-provider-mock` with these people, by their claims."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"]
    for each in people:
        command += ["--user-claims", json.dumps(each)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            _await_port(port, running)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()


def _await_port(port: int, running: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while running.poll() is None and time.monotonic() < until:
        with socket.socket() as asked:
            asked.settimeout(0.2)
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError("the provider did not start")


def authorise(uri: str, subject: str) -> dict[str, str]:
    """What somebody does at the real provider: sign in there; the query with which one comes back."""
    with httpx2.Client(trust_env=False) as client:
        shown = client.get(uri)
        assert shown.status_code == 200, shown.text
        answer = client.post(uri, data={"sub": subject})
        assert answer.status_code == 302, answer.text
        return dict(each.split("=", 1) for each in unquote(urlsplit(answer.headers["location"]).query).split("&"))


class Provider:
    """Its `claims` are of whoever signs in. `cheats` change what it says: `claims`, `header`, `key`, `discovery`."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.shown = [self.key]
        self.issuer = ""
        self.claims: dict[str, Any] = {}
        self.info: dict[str, Any] = {}
        self.cheats: dict[str, Any] = {}
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        routes = [
            Route("/.well-known/openid-configuration", self._configuration),
            Route("/jwks", self._jwks),
            Route("/token", self._token, methods=["POST"]),
            Route("/userinfo", self._userinfo),
        ]
        self.app = Starlette(routes=routes)

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[Provider]:
        async with served(self.app) as address:
            self.issuer = address.replace("ws:", "http:").removesuffix("/workspace/v1/events")
            yield self

    def authorise(self, uri: str) -> dict[str, str]:
        """Somebody signs in; the query with which one comes back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(uri).query).items()}
        assert asked["client_id"] == CLIENT
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return {"code": code, "state": asked["state"]}

    async def _configuration(self, request: Request) -> Response:
        self.asked.append("configuration")
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/leave",
        }
        if "body" in self.cheats:
            return Response(self.cheats["body"], media_type="application/json")
        return JSONResponse(said | self.cheats.get("discovery", {}))

    async def _jwks(self, request: Request) -> Response:
        self.asked.append("jwks")
        keys = [each.as_dict(private=False) for each in self.shown]
        return JSONResponse({"keys": [{"kty": "strange"}, *keys]})

    async def _token(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        given = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        asked = self._codes.pop(form["code"][0], None)
        if asked is None or given != f"{CLIENT}:{SECRET.replace(' ', '%20').replace(',', '%2C')}":
            return JSONResponse({"error": "invalid_grant", "error_description": SECRET}, 400)
        verifier = form["code_verifier"][0].encode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).decode().rstrip("=")
        assert challenge == asked["code_challenge"]
        assert form["redirect_uri"][0] == asked["redirect_uri"]
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= self.claims | self.cheats.get("claims", {})
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "RS256", "kid": "one"} | self.cheats.get("header", {})
        key: RSAKey | OctKey = self.cheats.get("key", self.key)
        token = self.cheats.get("token") or jwt.encode(header, claims, key, algorithms=[header["alg"]])
        return JSONResponse({"id_token": token, "access_token": "opens-userinfo", "token_type": "Bearer"})

    async def _userinfo(self, request: Request) -> Response:
        self.asked.append("userinfo")
        assert request.headers["authorization"] == "Bearer opens-userinfo"
        return JSONResponse({"sub": self.claims["sub"]} | self.info)


def query(given: Mapping[str, str]) -> str:
    return urlencode(given)
