"""Signing in to servers: discovery, registration, PKCE, exchange and renewal, with the library's own parts, in two halves.

Loaded on first use. Everything fetched here is at addresses that a stranger names, so each is judged and each connection too. No token
of one place is ever sent to another: a grant remembers where it was made.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2
from mcp.client.auth.exceptions import OAuthFlowError, OAuthRegistrationError, OAuthTokenError
from mcp.client.auth.oauth2 import OAuthContext, PKCEParameters, check_registration_usable
from mcp.client.auth.utils import (
    create_client_registration_request,
    get_client_metadata_scopes,
    handle_registration_response,
    validate_authorization_response_iss,
)
from mcp.shared.auth import (
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
    ProtectedResourceMetadata,
)
from pydantic import AnyUrl, ValidationError

from adapters.tools.mcp.discovery import Found, discover
from adapters.tools.mcp.fetching import Fetcher
from adapters.tools.mcp.pools import Pools
from adapters.tools.mcp.urls import judged
from app.domain.secrets import Secret
from app.errors import BadInput
from app.ports.clock import Clock
from app.ports.mcp import McpGrant, McpSignInBegun, McpSignInNeeded, McpTrouble

CLIENT_NAME = "Latchkey"
SECONDS = 30.0
_REFUSED = ("invalid_grant", "invalid_client", "unauthorized_client", "invalid_token")


class SigningIn:
    """The halves; see McpSignIn. What is kept between them is one text of JSON, sealed by whoever keeps it."""

    def __init__(self, pools: Pools, private_hosts: Collection[tuple[str, int]], clock: Clock) -> None:
        self._fetch = Fetcher(pools, private_hosts)
        self._private_hosts = private_hosts
        self._clock = clock

    async def begin(self, url: str, *, back: str, state: str) -> McpSignInBegun:
        """See McpSignIn."""
        try:
            async with asyncio.timeout(SECONDS):
                found = await discover(self._fetch, url)
                context = await self._registered(found, url, back)
        except TimeoutError:
            raise McpTrouble("its sign-in did not answer in time") from None
        opened = self._opened(str(found.metadata.authorization_endpoint))
        pkce = PKCEParameters.generate()
        assert context.client_info is not None  # noqa: S101 - registered just now
        wanted = {
            "response_type": "code",
            "client_id": context.client_info.client_id,
            "redirect_uri": back,
            "state": state,
            "code_challenge": pkce.code_challenge,
            "code_challenge_method": "S256",
            "resource": context.get_resource_url(),
        }
        if scope := context.client_metadata.scope:
            wanted["scope"] = scope
            if "offline_access" in scope.split():
                wanted["prompt"] = "consent"
        kept = _kept(context, back, verifier=pkce.code_verifier)
        address = f"{opened}{'&' if '?' in opened else '?'}{urlencode(wanted)}"
        return McpSignInBegun(address, kept, httpx2.URL(opened).host)

    async def end(self, kept: Secret, *, code: str, issuer: str) -> McpGrant:
        """See McpSignIn."""
        told = json.loads(kept.reveal())
        context = _context(told)
        try:
            validate_authorization_response_iss(issuer or None, context.oauth_metadata)
        except OAuthFlowError:
            raise McpTrouble("the answer came from somewhere else than where you were sent") from None
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": told["back"],
            "code_verifier": told["verifier"],
        }
        return await self._traded(context, told["back"], form)

    async def renew(self, kept: Secret) -> McpGrant:
        """See McpSignIn."""
        told = json.loads(kept.reveal())
        if not told.get("refresh"):
            raise McpSignInNeeded("the sign-in has run out")
        form = {"grant_type": "refresh_token", "refresh_token": told["refresh"]}
        return await self._traded(_context(told), told["back"], form, refresh=told["refresh"])

    async def aclose(self) -> None:
        """See McpSignIn."""
        await self._fetch.aclose()

    def _opened(self, endpoint: str) -> str:
        """Where a person's browser is sent: never anything but https (CVE-2025-6514), or a host that the operator lists."""
        try:
            return str(judged(endpoint, self._private_hosts))
        except BadInput:
            raise McpTrouble("its sign-in page is at an address that may not be opened") from None

    async def _registered(self, found: Found, url: str, back: str) -> OAuthContext:
        metadata = OAuthClientMetadata(
            redirect_uris=[AnyUrl(back)],
            client_name=CLIENT_NAME,
            application_type="web",
            token_endpoint_auth_method=_method(found.metadata),
        )
        metadata.scope = get_client_metadata_scopes(found.scope, found.resource, found.metadata, metadata.grant_types)
        if found.metadata.registration_endpoint is None:
            raise McpTrouble("its sign-in takes no new apps by themselves, so Latchkey can't sign in there")
        asked = create_client_registration_request(found.metadata, metadata, url)
        answer = await self._fetch.send(asked)
        try:
            client = await handle_registration_response(answer)
            check_registration_usable(client)
        except OAuthRegistrationError:
            raise McpTrouble("its sign-in did not let Latchkey register") from None
        client.issuer = str(found.metadata.issuer)
        context = _made(url, metadata, found.resource, found.metadata)
        context.client_info = client
        return context

    async def _traded(self, context: OAuthContext, back: str, form: dict[str, str], *, refresh: str = "") -> McpGrant:
        assert context.client_info is not None  # noqa: S101 - a context that was kept has one
        assert context.oauth_metadata is not None  # noqa: S101 - the same
        form |= {"client_id": context.client_info.client_id, "resource": context.get_resource_url()}
        headers = {"Accept": "application/json"}
        try:
            form, headers = context.prepare_token_auth(form, headers)
            asked = httpx2.Request("POST", str(context.oauth_metadata.token_endpoint), data=form, headers=headers)
            async with asyncio.timeout(SECONDS):
                answer = await self._fetch.send(asked)
        except TimeoutError:
            raise McpTrouble("its sign-in did not answer in time") from None
        except OAuthTokenError:
            raise McpTrouble("its sign-in wants something that Latchkey can't do") from None
        if answer.status_code not in (200, 201):
            if _error(answer) in _REFUSED:
                raise McpSignInNeeded("the sign-in is not accepted any more")
            raise McpTrouble(f"its sign-in answered with an error ({answer.status_code})")
        try:
            token = OAuthToken.model_validate_json(answer.content)
        except ValidationError:
            raise McpTrouble("its sign-in answered with something that is no token") from None
        if not token.access_token:
            raise McpTrouble("its sign-in answered with something that is no token")
        expires = self._clock.now() + timedelta(seconds=max(0, token.expires_in)) if token.expires_in else None
        kept = _kept(context, back, token=token.access_token, refresh=token.refresh_token or refresh)
        return McpGrant(kept, expires)


def _method(metadata: OAuthMetadata) -> Any:
    """How Latchkey shows who it is when it fetches tokens: with nothing, where that is enough beside PKCE."""
    known = metadata.token_endpoint_auth_methods_supported
    if known is None or "none" in known:
        return "none"
    return next((method for method in ("client_secret_post", "client_secret_basic") if method in known), None)


def _error(answer: httpx2.Response) -> str:
    try:
        return str(answer.json().get("error", ""))
    except (ValueError, AttributeError):
        return ""


def _made(
    url: str, metadata: OAuthClientMetadata, resource: ProtectedResourceMetadata | None, server: OAuthMetadata
) -> OAuthContext:
    # the library's storage and handlers belong to a flow that waits for the person; ours is kept by others meanwhile
    context = OAuthContext(url, metadata, storage=None, redirect_handler=None, callback_handler=None)  # type: ignore[arg-type]
    context.protected_resource_metadata = resource
    context.oauth_metadata = server
    return context


def _kept(context: OAuthContext, back: str, **more: str) -> Secret:
    resource, server, client = context.protected_resource_metadata, context.oauth_metadata, context.client_info
    told = {
        "url": context.server_url,
        "back": back,
        "resource": resource.model_dump_json() if resource else "",
        "server": server.model_dump_json() if server else "",
        "client": client.model_dump_json() if client else "",
    }
    return Secret(json.dumps(told | more))


def _context(told: Mapping[str, str]) -> OAuthContext:
    metadata = OAuthClientMetadata(redirect_uris=[AnyUrl(told["back"])])
    resource = ProtectedResourceMetadata.model_validate_json(told["resource"]) if told["resource"] else None
    context = _made(told["url"], metadata, resource, OAuthMetadata.model_validate_json(told["server"]))
    context.client_info = OAuthClientInformationFull.model_validate_json(told["client"])
    return context
