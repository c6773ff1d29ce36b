"""botbuilder-core's turn around what we do with an activity, without those of its ways that fail (PLATFORM §2.1, §2.14).

It is given requests that are verified already, so its own check, its blocking key fetch and its emulator paths never run. Its connector
client is ours: one token for all turns, nothing blocking, no field of an entity lost. Invokes are answered from the turn's result by us,
because its own aiohttp adapter serialises a body twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from botbuilder.core import InvokeResponse, TurnContext
from botbuilder.core.cloud_adapter_base import CloudAdapterBase
from botbuilder.schema import Activity, ActivityTypes, CallerIdConstants
from botframework.connector.auth import BotFrameworkAuthentication, ClaimsIdentity
from botframework.connector.auth.authenticate_request_result import AuthenticateRequestResult
from botframework.connector.auth.connector_factory import ConnectorFactory
from msrest.exceptions import DeserializationError

from adapters.teams.body import Unusable
from adapters.teams.connector import Connector
from adapters.teams.payload import Json, string
from app.errors import BadSignature

Act = Callable[[], Awaitable[Json]]
"""What is to be done with the activity; for an invoke, the body of its answer."""


class Sdk:
    """One adapter of botbuilder's for all turns."""

    def __init__(self, app_id: str, connector: Connector) -> None:
        self._adapter = _Adapter(_Verified())
        self._result = AuthenticateRequestResult()
        self._result.claims_identity = ClaimsIdentity({"aud": app_id}, is_authenticated=True)
        self._result.caller_id = CallerIdConstants.public_azure_channel
        self._result.connector_factory = _Ours(connector)

    async def turn(self, raw: Json, act: Act) -> tuple[int, Any]:
        """Carry out one turn for a verified activity: the status and the body of the answer. Raises Unusable, and what `act` raises."""
        kind = string(raw.get("type"))
        if not kind:
            raise Unusable(HTTPStatus.BAD_REQUEST, "no activity")
        try:
            activity = Activity().deserialize(raw)
        except (DeserializationError, AttributeError, TypeError, ValueError):
            activity = Activity(
                type=kind
            )  # what botbuilder does not understand is no reason to lose somebody's message
        activity.delivery_mode = None  # what we say goes out by the connector, never in this answer

        async def on_turn(context: TurnContext) -> None:
            body = await act()
            if activity.type == ActivityTypes.invoke:
                answer = InvokeResponse(status=int(HTTPStatus.OK), body=body)
                await context.send_activity(Activity(type=ActivityTypes.invoke_response, value=answer))

        result = await self._adapter.process_activity(self._result, activity, on_turn)
        return (result.status, result.body) if result is not None else (int(HTTPStatus.OK), None)


class _Adapter(CloudAdapterBase):  # type: ignore[misc]  # botbuilder has no types
    """Abstract in botbuilder only because its subclasses read the request."""


class _Verified(BotFrameworkAuthentication):  # type: ignore[misc]
    """Nothing comes here unverified, and nobody signs in."""

    async def authenticate_request(self, activity: Activity, auth_header: str) -> AuthenticateRequestResult:
        raise BadSignature

    async def authenticate_streaming_request(
        self, auth_header: str, channel_id_header: str
    ) -> AuthenticateRequestResult:
        raise BadSignature

    def create_connector_factory(self, claims_identity: ClaimsIdentity) -> ConnectorFactory:
        raise BadSignature

    async def create_user_token_client(self, claims_identity: ClaimsIdentity) -> Any:
        return None


class _Ours(ConnectorFactory):  # type: ignore[misc]
    """The turn's connector client is our connector."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    async def create(self, service_url: str, audience: str) -> Any:
        return self._connector
