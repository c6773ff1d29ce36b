"""Microsoft's side of trust: published signing keys that rotate, tokens made with them, and the login that gives the bot its own."""

from __future__ import annotations

import asyncio
import base64
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

Json = dict[str, Any]

ISSUER = "https://api.botframework.com"
APP_ID = "11111111-2222-4333-8444-555555555555"
PASSWORD = "a-client-secret-of-nobody"
TENANT = "99999999-8888-4777-8666-555555555555"


@dataclass
class Key:
    """A key pair; `published` keys stand in the list of keys."""

    endorsements: tuple[str, ...] = ("msteams", "webchat")
    published: bool = True
    kid: str = field(default_factory=lambda: uuid.uuid4().hex)
    private: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def jwk(self) -> Json:
        numbers = self.private.public_key().public_numbers()
        public = {"kty": "RSA", "use": "sig", "kid": self.kid, "n": _b64(numbers.n), "e": _b64(numbers.e)}
        return public | {"endorsements": list(self.endorsements)}


class Identity:
    """Openid metadata, keys and login. `fetches` and `logins` count what was asked; `broken` is the status that it answers with instead, `slow` how
    long that takes. `issuer` and `scope` are the cloud's, `elsewhere` is where a `broken` of 3xx sends one; `give` makes the token for a scope, or none."""

    def __init__(self) -> None:
        self.keys = [Key()]
        self.fetches = 0
        self.logins: list[Json] = []
        self.issued: set[str] = set()
        self.lifetime = 3600
        self.broken = 0
        self.elsewhere = ""
        self.slow = 0.0
        self.jwks_uri = ""
        self.issuer = ISSUER
        self.scope = f"{ISSUER}/.default"
        self.give: Callable[[str], str] = self._opaque

    @property
    def key(self) -> Key:
        """The key that is signed with."""
        return self.keys[-1]

    def rotate(self) -> Key:
        """A new key takes the place of all others."""
        for key in self.keys:
            key.published = False
        self.keys.append(Key())
        return self.key

    def token(self, service_url: str, *, key: Key | None = None, headers: Json | None = None, **claims: Any) -> str:
        """A genuine token for a request from that service; `claims` change or (None) leave out what it says."""
        now, signer = int(time.time()), key or self.key
        said = {
            "iss": self.issuer,
            "aud": APP_ID,
            "nbf": now - 5,
            "exp": now + 3600,
            "serviceurl": service_url,
        } | claims
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(said, signer.private, algorithm="RS256", headers={"kid": signer.kid} | (headers or {}))

    def revoke(self) -> None:
        """The connector takes none of the tokens given out so far any more."""
        self.issued.clear()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/.well-known/openidconfiguration", self._metadata),
            web.get("/{authority}/v2.0/.well-known/openid-configuration", self._metadata),
            web.get("/v1/.well-known/keys", self._keys),
            web.post("/{authority}/oauth2/v2.0/token", self._login),
        ]

    async def _metadata(self, request: web.Request) -> web.Response:
        self.fetches += 1
        await asyncio.sleep(self.slow)
        if self.broken:
            return self._refusal()
        uri = self.jwks_uri or f"{request.url.origin()}/v1/.well-known/keys"
        return web.json_response(
            {"issuer": self.issuer, "jwks_uri": uri, "id_token_signing_alg_values_supported": ["RS256"]}
        )

    def _refusal(self) -> web.Response:
        return web.Response(status=self.broken, headers={"Location": self.elsewhere} if self.elsewhere else {})

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [key.jwk() for key in self.keys if key.published]})

    async def _login(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.logins.append({"authority": request.match_info["authority"], **form})
        await asyncio.sleep(self.slow)
        if self.broken:
            return self._refusal()
        good = form.get("client_id") == APP_ID and form.get("client_secret") == PASSWORD
        token = self.give(form.get("scope", "")) if good else ""
        if not token:
            return web.json_response({"error": "invalid_client"}, status=401)
        self.issued.add(token)
        return web.json_response({"token_type": "Bearer", "expires_in": self.lifetime, "access_token": token})

    def _opaque(self, scope: str) -> str:
        return f"bot-token-{uuid.uuid4().hex}" if scope == self.scope else ""


def _b64(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()
