"""The fake model server's control endpoint, for tests and benches that run it as a process of its own.

GET  /__control/counts?pattern=REGEX   {"M-1": {"started": 2, "finished": 1}, …}, by matches in what people said last
GET  /__control/calls                  [{"path", "protocol", "fingerprint", "model", "said", "finished", "aborted"}, …]
POST /__control/script                 {"marker": "", "answers": [{"chunks": ["a"], "tools": [{"name", "arguments"}], "fault", "delay", …}]}
POST /__control/keys                   ["sk-test-one"] or null for any
POST /__control/reset
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.model_answers import Answer, Tool
from tests.fakes.model_faults import Fault
from tests.fakes.model_searches import Cited, Search

if TYPE_CHECKING:
    from tests.fakes.model_server import ModelServer


def add_routes(app: web.Application, server: ModelServer) -> None:
    """Let this server be asked and told over HTTP."""

    async def counts(request: web.Request) -> web.Response:
        return web.json_response(server.counts(request.query["pattern"]))

    async def calls(_: web.Request) -> web.Response:
        told = ("path", "protocol", "fingerprint", "model", "said", "finished", "aborted")
        return web.json_response([{name: getattr(call, name) for name in told} for call in server.calls])

    async def script(request: web.Request) -> web.Response:
        body = await request.json()
        server.script(*(_answer(row) for row in body["answers"]), marker=body.get("marker", ""))
        return web.json_response({})

    async def keys(request: web.Request) -> web.Response:
        accepted = await request.json()
        server.keys = None if accepted is None else set(accepted)
        return web.json_response({})

    async def reset(_: web.Request) -> web.Response:
        server.reset()
        return web.json_response({})

    app.router.add_get("/__control/counts", counts)
    app.router.add_get("/__control/calls", calls)
    app.router.add_post("/__control/script", script)
    app.router.add_post("/__control/keys", keys)
    app.router.add_post("/__control/reset", reset)


def _answer(row: dict[str, Any]) -> Answer:
    more = {
        name: row[name] for name in ("thinking", "delay", "fault_after", "stop", "tokens", "tell_usage") if name in row
    }
    fault = Fault(row["fault"]) if row.get("fault") else None
    tools = tuple(Tool(**tool) for tool in row.get("tools", ()))
    searches = tuple(
        Search(one["query"], tuple((title, url) for title, url in one["pages"])) for one in row.get("searches", ())
    )
    cited = tuple(Cited(**one) for one in row.get("cited", ()))
    return Answer(*row.get("chunks", ()), tools=tools, searches=searches, cited=cited, fault=fault, **more)
