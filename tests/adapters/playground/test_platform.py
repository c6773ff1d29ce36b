"""The playground keeps what every chat platform promises."""

import base64

import pytest

from adapters.playground.platform import Playground
from adapters.playground.world import ADA, MAX, WORKSPACE
from app.domain.chat import ConversationRef, Persona
from app.domain.run import MadeFile, Source
from app.domain.views import Sources, Text, View, rich
from app.errors import NotReachable
from app.ports.platform import PartRef, ReplyTarget, Step, StepState
from tests.adapters.playground.pages import Site
from tests.adapters.playground.wire import PlaygroundWire
from tests.conformance.chat_platform import ChatPlatformSuite, Parts
from tests.conformance.recorder import Recorder


class TestPlayground(ChatPlatformSuite):
    implements = Playground

    @pytest.fixture
    async def wire(self, site: Site, inbound: Recorder) -> PlaygroundWire:
        return PlaygroundWire(site, inbound, {one.id: await site.page(one.id) for one in (ADA, MAX)})


async def test_an_answer_carries_its_agents_name_and_emoji(site: Site, inbound: Recorder) -> None:
    page = await site.page()
    await page.ask("message", channel="C-PRODUCT", text="@Latchkey fox: hello")
    event = inbound.mentions[-1]
    assert event.text == "fox: hello"
    reply = await site.platform.open_reply(_target(event.conversation, Persona("Fox", "🦊")), Parts().save)
    await reply.finish("Hello.")
    await page.until(lambda: any(one["text"] == "Hello." for one in page.messages.values()))
    author = page.own("Hello.")["author"]
    assert (author["name"], author["emoji"], author["kind"]) == ("Fox", "🦊", "app")


async def test_an_answer_streams_with_a_status_and_can_be_stopped(site: Site, inbound: Recorder) -> None:
    page = await site.page("U-MAX")
    await page.ask("message", channel="C-PRODUCT", text="@Latchkey hello")
    event = inbound.mentions[-1]
    reply = await site.platform.open_reply(_target(event.conversation), Parts().save)
    await reply.status("is thinking…")
    await reply.append("One")
    await reply.append(" two")
    await page.until(lambda: page.appended == [" two"])
    answer = page.own("One two")
    assert (answer["state"], answer["status"], answer["canStop"]) == ("working", "is thinking…", True)
    await page.ask("stop", message=answer["id"])
    assert inbound.stops == [(event.conversation, MAX.ref)]
    await reply.finish("One two.")
    await page.until(lambda: page.messages[answer["id"]]["state"] == "done")
    assert page.messages[answer["id"]]["canStop"] is False


async def test_the_number_in_an_answer_is_the_number_of_its_link(site: Site, inbound: Recorder) -> None:
    page = await site.page()
    await page.ask("message", channel="C-PRODUCT", text="@Latchkey what opens what?")
    found = Sources((Source("Keys", "https://docs.example/keys"), Source("", "https://b.example")), (2, 33))
    reply = await site.platform.open_reply(_target(inbound.mentions[-1].conversation), Parts().save)
    await reply.finish("Keys [2] open locks [33].", (View(blocks=(found,)),))
    await page.until(lambda: any("[33]" in one["text"] for one in page.messages.values()))
    shown = [block for view in page.own("Keys [2] open locks [33].")["views"] for block in view["blocks"]]
    assert shown == [
        {
            "type": "sources",
            "links": [
                {"text": "2. Keys (docs.example)", "url": "https://docs.example/keys"},
                {"text": "33. b.example", "url": "https://b.example"},
            ],
        }
    ]


async def test_half_a_call_to_all_is_never_shown_whole(site: Site) -> None:
    page = await site.page()
    reply = await site.platform.open_reply(_target(ConversationRef("w", "C-RANDOM", "")), Parts().save)
    for piece in ("Hi @chan", "nel, and <!he", "re>."):
        await reply.append(piece)
    await page.until(lambda: any(one["text"].endswith("here.") for one in page.messages.values()))
    text = next(one["text"] for one in page.messages.values() if one["text"].startswith("Hi"))
    assert "@channel" not in text
    assert "<!" not in text


async def test_an_answer_whose_part_could_not_be_saved_is_not_left_behind(site: Site) -> None:
    async def fail(part: PartRef) -> None:
        raise OSError

    before = list(site.rooms.seen_by(ADA.id))
    with pytest.raises(OSError):  # noqa: PT011 - it is the very one that save raised
        await site.platform.open_reply(_target(ConversationRef("w", "C-RANDOM", "")), fail)
    assert list(site.rooms.seen_by(ADA.id)) == before


async def test_an_answer_to_a_thread_that_is_gone_is_still_given(site: Site) -> None:
    reply = await site.platform.resume_reply(_target(ConversationRef("w", "C-RANDOM", "1.000001")), (), Parts().save)
    await reply.finish("Late, but here.")
    (post,) = (post for post in site.rooms.seen_by(ADA.id) if post.text == "Late, but here.")
    assert post.thread == ""


async def test_nothing_is_answered_in_a_channel_that_is_not_there(site: Site) -> None:
    with pytest.raises(NotReachable):
        await site.platform.open_reply(_target(ConversationRef("w", "C-NOWHERE", "")), Parts().save)


async def test_a_whisper_without_a_place_goes_to_the_persons_chat_with_the_app(site: Site) -> None:
    await site.platform.whisper(MAX.ref, View(blocks=(Text(rich("psst")),)))
    (post,) = (post for post in site.rooms.seen_by(MAX.id) if post.only)
    assert post.channel == "D-U-MAX"


def _target(conversation: ConversationRef, persona: Persona | None = None) -> ReplyTarget:
    return ReplyTarget(conversation, ADA.ref, "", "run-1", persona or Persona("Latchkey", "🔑"), {})


async def test_steps_are_a_list_that_grows_and_is_folded_with_the_answer(site: Site, inbound: Recorder) -> None:
    page = await site.page()
    await page.ask("message", channel="C-PRODUCT", text="@Latchkey hello")
    event = inbound.mentions[-1]
    reply = await site.platform.open_reply(_target(event.conversation), Parts().save)
    await reply.steps((Step("1", "Searched #general", StepState.RUNNING, "exports"),))
    await page.until(lambda: any(one["steps"] for one in page.messages.values()))
    (answer,) = (one for one in page.messages.values() if one["steps"])
    assert answer["steps"] == [{"title": "Searched #general", "detail": "exports", "state": "running"}]
    await reply.finish("Hello.")
    await page.until(lambda: page.messages[answer["id"]]["state"] == "done")
    assert page.messages[answer["id"]]["fold"] == "1 step: searched #general (failed)"
    assert page.messages[answer["id"]]["steps"][0]["state"] == "failed"  # it had not come to its end


async def test_files_are_pictures_or_kept_and_open_to_those_who_are_let_in(site: Site) -> None:
    for name, media_type in (("a.png", "image/png"), ("b.html", "text/html"), ("c.svg", "image/svg+xml")):
        await site.platform.upload(
            _target(ConversationRef("w", "C-RANDOM", "")),
            MadeFile(name, media_type, base64.b64encode(b"data").decode()),
        )
    browser = await site.browser()
    kept = {post.files[0].name: post.files[0].id for post in site.rooms.seen_by(ADA.id) if post.files}
    for name, file in kept.items():
        async with browser.get(f"{site.origin}/playground/files/{file}") as answer:
            assert await answer.read() == b"data"
            is_picture = name == "a.png"
            assert answer.content_type == ("image/png" if is_picture else "application/octet-stream")
            assert ("attachment" in answer.headers.get("Content-Disposition", "")) is not is_picture
    stranger = await site.browser(enter=False)
    async with stranger.get(f"{site.origin}/playground/files/{kept['a.png']}") as answer:
        assert answer.status == 403
    async with browser.get(f"{site.origin}/playground/files/F0000") as answer:
        assert answer.status == 404


async def test_a_private_channel_is_seen_posted_in_and_pressed_in_by_its_members_only(site: Site) -> None:
    ada, max_ = await site.page(ADA.id), await site.page(MAX.id)
    assert "C-BOARD" in {one["id"] for one in ada.snapshot["channels"]}
    assert "C-BOARD" not in {one["id"] for one in max_.snapshot["channels"]}
    posted = await site.platform.post(WORKSPACE, "C-BOARD", "Between us.", Persona("Fox", "🦊"))
    await ada.until(lambda: posted.id in ada.messages)
    assert await max_.ask("message", channel="C-BOARD", text="hello?") == 400
    assert posted.id not in max_.messages
