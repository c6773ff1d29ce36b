"""Who looks after a server's sign-ins: what it says itself, and what they say. Loaded on first use."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
from mcp.client.auth.exceptions import OAuthFlowError
from mcp.client.auth.utils import (
    build_oauth_authorization_server_metadata_discovery_urls,
    build_protected_resource_metadata_discovery_urls,
    create_oauth_metadata_request,
    extract_resource_metadata_from_www_auth,
    extract_scope_from_www_auth,
    handle_auth_metadata_response,
    handle_protected_resource_response,
    issuers_match,
    validate_metadata_issuer,
)
from mcp.shared.auth import OAuthMetadata, ProtectedResourceMetadata
from mcp.shared.auth_utils import check_resource_allowed, resource_url_from_server_url

from adapters.tools.mcp.fetching import Fetcher
from app.ports.mcp import McpTrouble

_HELLO = {"jsonrpc": "2.0", "id": 0, "method": "ping"}


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a server's sign-ins. `scope` is what the server itself asked for, if it did."""

    metadata: OAuthMetadata
    resource: ProtectedResourceMetadata | None
    scope: str | None


async def discover(fetch: Fetcher, url: str) -> Found:
    """Ask the server, then who it names. Raises McpTrouble."""
    answer = await fetch.send(
        httpx2.Request("POST", url, json=_HELLO, headers={"Accept": "application/json, text/event-stream"})
    )
    resource = await _resource(fetch, url, extract_resource_metadata_from_www_auth(answer))
    if resource and not check_resource_allowed(resource_url_from_server_url(url), str(resource.resource)):
        raise McpTrouble("it says that it is another server than the one named")
    metadata = await _metadata(fetch, url, str(resource.authorization_servers[0]) if resource else None)
    challenges = metadata.code_challenge_methods_supported
    if challenges is not None and "S256" not in challenges:
        raise McpTrouble("its sign-in does not know PKCE with S256, without which nobody should sign in")
    return Found(metadata, resource, extract_scope_from_www_auth(answer) if answer.status_code == 401 else None)


async def _resource(fetch: Fetcher, url: str, named: str | None) -> ProtectedResourceMetadata | None:
    for place in build_protected_resource_metadata_discovery_urls(named, url):
        found = await handle_protected_resource_response(await fetch.send(create_oauth_metadata_request(place)))
        if found:
            return found
    return None


async def _metadata(fetch: Fetcher, url: str, named: str | None) -> OAuthMetadata:
    expected = named or "{0.scheme}://{0.netloc}".format(urlsplit(url))
    for place in build_oauth_authorization_server_metadata_discovery_urls(named, url):
        go_on, found = await handle_auth_metadata_response(await fetch.send(create_oauth_metadata_request(place)))
        if found:
            if not issuers_match(str(found.issuer), expected):
                try:
                    validate_metadata_issuer(found, expected)
                except OAuthFlowError:
                    raise McpTrouble("its sign-in says that it is another one") from None
            return found
        if not go_on:
            break
    raise McpTrouble("it does not say where to sign in")
