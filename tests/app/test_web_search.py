"""The vendors' own search of the web, from the grant to the receipt: against fakes of both vendors, spoken to as in earnest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import select

from adapters.models.anthropic import Anthropic
from adapters.models.http import ModelHttp
from adapters.models.openai import OpenAI
from app.domain.chat import FileRef
from app.domain.events import Addressed
from app.domain.grants import Approval, ToolGrant
from app.domain.keys import ModelChoice
from app.domain.run import RunState
from app.domain.views import Sources
from app.ports.platform import StepState
from app.services.searching import REMEMBERED, TurnedOff
from app.store.tables import receipts
from tests.app.bench import GOOD, Bench
from tests.app.desk import Desk, direct
from tests.fakes.databases import TestClock
from tests.fakes.model_searches import offered
from tests.fakes.model_server import Answer, Cited, Fault, ModelServer, Search, Tool

PAGES = (("One", "https://one.example/a"), ("Two", "https://two.example/b"), ("Kept [3]", "https://three.example/c"))
FOUND = Answer(
    "Well.",
    searches=(Search("the launch", PAGES),),
    cited=(Cited(" Two says so.", *PAGES[1]), Cited(" One too.", *PAGES[0])),
)


@dataclass
class Searches:
    desk: Desk
    server: ModelServer

    async def grant(self, *grants: ToolGrant) -> None:
        bench = self.desk.bench
        async with bench.database.begin() as uow:
            await uow.agents.change(replace(await bench.agent(), grants=grants))

    async def receipts(self) -> list[int]:
        async with self.desk.database.read() as uow:
            rows = await uow.connection.execute(select(receipts.c.searches).order_by(receipts.c.id))
        return [row.searches for row in rows]

    def offered(self) -> list[bool]:
        return [offered(call.body) for call in self.server.calls]


@pytest.fixture(params=["anthropic", "openai"])
async def searches(bench: Bench, request: pytest.FixtureRequest) -> AsyncIterator[Searches]:
    """A desk whose only provider is this vendor's, with `web_search` granted to its agent."""
    async with ModelServer(keys={GOOD}) as server:
        http = ModelHttp()
        vendors: dict[str, Anthropic | OpenAI] = {
            "anthropic": Anthropic(http, base_url=server.url),
            "openai": OpenAI(http, base_url=f"{server.url}/v1"),
        }
        vendor = vendors[request.param]
        desk = Desk(bench)
        bench.providers.clear()
        bench.providers.update({vendor.name: vendor})  # type: ignore[dict-item]
        await bench.set_key(provider=vendor.name, seconds=20)
        found = Searches(desk, server)
        await found.grant(ToolGrant("web_search", id="s"))
        yield found
        await bench.background.drain(5)
        await http.aclose()


async def test_what_was_found_is_shown_counted_paid_for_and_written_down(searches: Searches) -> None:
    searches.server.script(FOUND)
    reply = await searches.desk.ask("What is new?")
    (shown,) = searches.desk.shown()
    assert shown.text.startswith("Well. Two says so. One too.")
    cited = [one for view in shown.views for block in view.blocks if isinstance(block, Sources) for one in block.items]
    assert [(one.title, one.url) for one in cited] == [PAGES[1], PAGES[0]]
    assert await searches.receipts() == [1]
    assert reply
    assert [(step.title, step.state) for step in reply.shown_steps[-1]] == [("Searching the web", StepState.DONE)]
    (allowed,) = [entry for entry in await searches.desk.bench.audited() if entry.action.startswith("tool.")]
    assert (allowed.action, allowed.object) == ("tool.allowed", "web_search")


async def test_in_a_direct_chat_one_may_search_twice_in_a_thread(searches: Searches) -> None:
    for question in ("What is new?", "And since then?"):
        searches.server.script(FOUND)
        await searches.desk.ask(question, where=direct(), addressed=Addressed.DIRECT)
    assert searches.offered() == [True, True]
    assert await searches.receipts() == [1, 1]


async def test_with_a_file_in_a_direct_chat_and_something_found_nothing_more_is_searched_for(
    searches: Searches,
) -> None:
    for files in ((), (FileRef("F1", "plan.txt", "text/plain", 5),)):
        searches.server.script(FOUND)
        await searches.desk.ask("What is new?", where=direct(), addressed=Addressed.DIRECT, files=files)
    assert searches.offered() == [True, False]


async def test_without_a_grant_or_with_one_that_wants_consent_no_search_is_offered(searches: Searches) -> None:
    for grants in ((), (ToolGrant("web_search", id="s", approval=Approval.ALWAYS),)):
        await searches.grant(*grants)
        searches.server.script(FOUND)
        await searches.desk.ask("What is new?")
    assert searches.offered() == [False, False]
    assert await searches.receipts() == [0, 0]


async def test_every_search_of_a_run_counts_against_its_limit(searches: Searches) -> None:
    await searches.grant(ToolGrant("web_search", id="s", per_run=2), ToolGrant("current_time", id="t"))
    tool = (Tool("current_time", {"time_zone": "UTC"}),)
    more = Answer("More.", searches=(Search("more", PAGES),), tools=tool)
    searches.server.script(replaced(FOUND, tools=tool), more, Answer("Done."))
    await searches.desk.ask("What is new?")
    assert searches.offered() == [True, True, False]
    assert await searches.receipts() == [1, 1, 0]


async def test_a_vendor_that_does_not_serve_the_search_is_asked_without(searches: Searches) -> None:
    searches.server.refuse_searches = True
    for _ in range(2):
        await searches.desk.ask("What is new?")
    assert searches.offered() == [True, False, False], "and is not asked for it again at once"
    assert [record.state for record in await searches.desk.records()] == [RunState.DONE] * 2
    assert searches.desk.shown()[0].text.startswith("You said")


async def test_what_is_refused_for_another_reason_is_explained(searches: Searches) -> None:
    searches.server.script(Answer(fault=Fault.BAD_REQUEST), Answer(fault=Fault.BAD_REQUEST))
    await searches.desk.ask("What is new?")
    searches.server.script(FOUND)
    await searches.desk.ask("And now?")
    assert searches.offered() == [True, False, True], "the search was not what was refused"


def replaced(answer: Answer, tools: tuple[Tool, ...]) -> Answer:
    return Answer(*answer.chunks, searches=answer.searches, cited=answer.cited, tools=tools)


async def test_a_refusal_of_the_search_is_forgotten_after_a_while(bench: Bench, clock: TestClock) -> None:
    choice = ModelChoice("anthropic", "m", "key_1", web_search=True)
    turned_off = TurnedOff(clock)
    turned_off.add(choice)
    assert turned_off.has(choice)
    assert not turned_off.has(replace(choice, model="other"))
    clock.forward(seconds=REMEMBERED.total_seconds())
    assert not turned_off.has(choice)
