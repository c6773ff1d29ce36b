"""What every ModelProvider whose vendor searches the web promises of that."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from app.domain.run import OpaquePart, Source, ToolResult
from tests.conformance.model_provider import CLOCK, Peer, asking, done, going_on, text_of
from tests.fakes.model_searches import offered
from tests.fakes.model_server import Answer, Cited, Search, Tool

PAGES = (("One", "https://one.example/a"), ("Two", "https://two.example/b"), ("Three", "https://three.example/c"))
FOUND = Search("the launch", PAGES)


class SearchPromises:
    """Bind beside ModelProviderSuite. `searching` is a model of the vendor's with a search, `passages` whether it says what it cites."""

    searching: ClassVar[str]
    passages: ClassVar[bool]

    async def test_it_searches_only_where_it_is_told_that_it_may(self, peer: Peer) -> None:
        assert peer.server is not None
        request = asking("what is new?", model=self.searching, tools=(CLOCK,))
        await peer.ask(request)
        await peer.ask(replace(request, web_search=3))
        assert [offered(call.body) for call in peer.server.calls] == [False, True]

    async def test_what_it_cites_is_a_source_in_that_order_and_all_that_it_found_is_told(self, peer: Peer) -> None:
        assert peer.server is not None
        cited = (Cited(" Two says so.", *PAGES[1]), Cited(" One too.", *PAGES[0]), Cited(" And two again.", *PAGES[1]))
        peer.server.script(Answer("Well.", searches=(FOUND,), cited=cited))
        events = await peer.ask(asking("what is new?", model=self.searching, web_search=3))
        assert text_of(events) == "Well. Two says so. One too. And two again."
        passage = "as it stands there" if self.passages else ""
        assert done(events).sources == tuple(Source(*page, passage) for page in (PAGES[1], PAGES[0]))
        assert done(events).found == tuple(url for _, url in PAGES)
        assert done(events).usage.searches == 1

    async def test_nothing_is_found_where_nothing_was_searched(self, peer: Peer) -> None:
        events = await peer.ask(asking("hello", model=self.searching, web_search=3))
        assert (done(events).sources, done(events).found, done(events).usage.searches) == ((), (), 0)

    async def test_every_search_is_counted(self, peer: Peer) -> None:
        assert peer.server is not None
        peer.server.script(Answer("Well.", searches=(FOUND, Search("more"), Search("still more"))))
        assert done(await peer.ask(asking("?", model=self.searching, web_search=3))).usage.searches == 3

    async def test_what_was_found_goes_back_unaltered_with_a_tools_result(self, peer: Peer) -> None:
        assert peer.server is not None
        first_answer = Answer(
            "Hm.",
            thinking="Let me see",
            searches=(FOUND,),
            cited=(Cited(" One.", *PAGES[0]),),
            tools=(Tool("current_time"),),
        )
        peer.server.script(first_answer, Answer("Noon."))
        request = asking("time?", model=self.searching, tools=(CLOCK,), web_search=3)
        first = done(await peer.ask(request))
        second = going_on(request, first, ToolResult("call_1", "noon"))
        assert text_of(await peer.ask(replace(second, web_search=0))) == "Noon."  # the fake refuses what is altered
        kept = [part for part in first.message.parts if isinstance(part, OpaquePart)]
        assert all(dict(part.data) in _said_back(peer.server.calls[1].body) for part in kept)
        assert len(kept) >= 2


def _said_back(body: dict[str, object]) -> list[object]:
    items = body.get("messages", body.get("input"))
    assert isinstance(items, list)
    nested = [item["content"] for item in items if isinstance(item.get("content"), list)]
    return [*items, *(block for content in nested for block in content)]
