"""Where a browser comes back to after somebody has signed in elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

End = Callable[[Mapping[str, str]], Awaitable[tuple[bool, str]]]
"""Told the query's values, each once; answers whether it came to something, and what to say."""


def callback(path: str, end: End) -> web.RouteDef:
    """A route that answers in one plain sentence. What came in the address is in no log and on no page."""

    async def came_back(request: web.Request) -> web.Response:
        query = {name: request.query[name] for name in request.query if len(request.query.getall(name)) == 1}
        done, words = await end(query)
        return web.Response(text=f"{words}\n", status=200 if done else 400)

    return web.get(path, came_back)
