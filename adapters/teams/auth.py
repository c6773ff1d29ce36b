"""Whether a request is the Bot Framework's, judged by us before any of its SDK sees it (the SDK's own check has holes)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jwt
from jwt.exceptions import ExpiredSignatureError, ImmatureSignatureError, PyJWTError

from adapters.teams.clouds import PUBLIC
from adapters.teams.payload import Json, string
from adapters.teams.services import Services
from adapters.teams.signing_keys import SigningKeys
from app.errors import BadSignature, SettingsError

CHANNEL = "msteams"
LEEWAY = 300

_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says about its request."""

    service_url: str
    endorsements: frozenset[str]


class Verifier:
    """Judges tokens. Whatever is wrong with one is a BadSignature whose text names no content."""

    def __init__(self, app_id: str, keys: SigningKeys, services: Services, *, issuer: str = PUBLIC.issuer) -> None:
        if not app_id:
            raise SettingsError("MICROSOFT_APP_ID is empty. Without it nobody could tell Teams from a stranger.")
        self._app_id = app_id
        self._keys = keys
        self._services = services
        self._issuer = issuer

    async def verify(self, authorization: Sequence[str]) -> Claims:
        """What the one `Authorization` header of a request says, if it is a token signed for us by a published key.

        Raises PlatformUnavailable when the keys cannot be had: that is no judgement on the token.
        """
        token = _bearer(authorization)
        try:
            header = jwt.get_unverified_header(token)
        except PyJWTError:
            raise BadSignature("no token") from None
        kid = header.get("kid")
        if header.get("alg") != "RS256" or "crit" in header or not isinstance(kid, str):
            raise BadSignature("not signed as the Bot Framework signs")
        key = await self._keys.find(kid)
        if key is None:
            raise BadSignature("signed with an unknown key")
        claims = self._decoded(token, key.key)
        return Claims(string(claims.get("serviceurl")), key.endorsements)

    def bind(self, claims: Claims, activity: Json) -> None:
        """See that a token was made for this activity: its channel and its service."""
        if activity.get("channelId") != CHANNEL or CHANNEL not in claims.endorsements:
            raise BadSignature("the key does not speak for this channel")
        service = string(activity.get("serviceUrl"))
        if not service or claims.service_url != service:
            raise BadSignature("the token is for another service")
        if not self._services.allows(service):
            raise BadSignature("the service is none of Teams'")

    def _decoded(self, token: str, key: object) -> Json:
        try:
            claims: Json = jwt.decode(
                token,
                key,  # type: ignore[arg-type]  # an RSA public key
                algorithms=["RS256"],
                audience=self._app_id,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "nbf", "iss", "aud"], "strict_aud": True},
            )
        except ExpiredSignatureError:
            raise BadSignature("expired") from None
        except ImmatureSignatureError:
            raise BadSignature("not valid yet") from None
        except PyJWTError as error:
            raise BadSignature(f"not for us ({type(error).__name__})") from None
        return claims


def _bearer(authorization: Sequence[str]) -> str:
    """The token in the header; a request has exactly one."""
    if len(authorization) != 1 or len(authorization[0]) > _LONGEST:
        raise BadSignature("no token")
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "bearer" or not token.isascii() or not token:
        raise BadSignature("no token")
    return token
