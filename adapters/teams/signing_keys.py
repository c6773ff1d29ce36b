"""The keys with which the Bot Framework signs what it sends us: fetched without blocking, kept for a day, renewed when it rotates them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm
from jwt.exceptions import PyJWTError

from adapters.teams.clouds import PUBLIC
from adapters.teams.http import Http
from adapters.teams.payload import Json, items, obj, string
from app.errors import PlatformUnavailable

log = structlog.get_logger(__name__)

_DAY = 86_400.0
_FLOOR = 300.0
_RETRY = 5.0
_PATIENCE = 5.0
_LEAST_BITS = 2048


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One published key, and the channels whose messages it may sign."""

    key: RSAPublicKey
    endorsements: frozenset[str]


class SigningKeys:
    """Looks keys up by id. A key id that is not known makes it ask again, at most once in five minutes: anybody can invent key ids."""

    def __init__(
        self, http: Http, openid_url: str = PUBLIC.openid_url, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = http
        self._url = openid_url
        self._now = monotonic
        self._keys: dict[str, SigningKey] = {}
        self._fetched: float | None = None
        self._asked_anew: float | None = None
        self._failed: float | None = None
        self._lock = asyncio.Lock()

    async def find(self, kid: str) -> SigningKey | None:
        """The key of this id; None when there is none. Raises PlatformUnavailable while that cannot be told."""
        known = self._keys.get(kid)
        if self._due(kid) and not (known and self._lock.locked()):  # who has a key need not wait while another asks
            async with self._lock:  # those who waited find what the first one fetched
                if self._due(kid):
                    await self._renew(kid)
            known = self._keys.get(kid)
        if known is None and (self._fetched is None or self._failed is not None):
            raise PlatformUnavailable("the Bot Framework's signing keys cannot be fetched")
        return known

    def _due(self, kid: str) -> bool:
        now = self._now()
        if self._failed is not None and now - self._failed < _RETRY:
            return False
        if self._fetched is None or now - self._fetched >= _DAY:
            return True
        return kid not in self._keys and (self._asked_anew is None or now - self._asked_anew >= _FLOOR)

    async def _renew(self, kid: str) -> None:
        now, anew = self._now(), self._fetched is not None and kid not in self._keys
        try:
            async with asyncio.timeout(_PATIENCE):
                self._keys = await self._published()
        except (PlatformUnavailable, TimeoutError) as error:  # the old ones go on holding
            self._failed = now
            log.warning("teams signing keys not fetched", reason=str(error) or type(error).__name__)
            return
        self._fetched, self._failed = now, None
        if anew:
            self._asked_anew = now

    async def _published(self) -> dict[str, SigningKey]:
        address = string((await self._http.get_json(self._url)).get("jwks_uri"))
        here, there = urlsplit(self._url), urlsplit(address)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise PlatformUnavailable("the keys are said to be somewhere else")
        published = [obj(one) for one in items((await self._http.get_json(address)).get("keys"))]
        found = {string(one.get("kid")): key for one in published if one.get("kid") and (key := _key(one))}
        if not found:
            raise PlatformUnavailable("no keys are published")
        return found


def _key(published: Json) -> SigningKey | None:
    if published.get("kty") != "RSA" or published.get("use", "sig") != "sig":
        return None
    try:
        key: Any = RSAAlgorithm.from_jwk({name: published[name] for name in ("kty", "n", "e") if name in published})
    except (PyJWTError, ValueError, TypeError):
        return None
    if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_BITS:
        return None
    return SigningKey(key, frozenset(string(one) for one in items(published.get("endorsements"))))
