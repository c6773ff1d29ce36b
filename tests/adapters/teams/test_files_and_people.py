"""What comes from elsewhere: files from Microsoft's hosts, and who people are."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.teams.files import Files
from adapters.teams.people import People, kind_of
from adapters.teams.services import Services
from app.domain.chat import FileRef, MemberKind
from app.errors import PlatformError
from tests.adapters.teams.pieces import Pieces, listening
from tests.fakes.teams.identity import TENANT
from tests.fakes.teams.world import CHANNEL, GROUP, Json, Member

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100


@pytest.fixture
async def pieces() -> AsyncIterator[Pieces]:
    async with listening() as made:
        yield made


async def _sent(pieces: Pieces, attachment: Json) -> FileRef:
    teams = pieces.teams
    await teams.say(teams.world.ann, "look", teams.world.personal(teams.world.ann), attachments=[attachment])
    return pieces.inbound.mentions[-1].files[0]


async def test_a_file_is_fetched_up_to_a_limit(pieces: Pieces) -> None:
    file = await _sent(pieces, pieces.teams.add_file("notes.txt", "text/plain", b"x" * 1000))
    assert (file.name, file.media_type) == ("notes.txt", "text/plain")
    assert await pieces.files.download(file, 1000) == b"x" * 1000
    with pytest.raises(PlatformError, match="larger than 999"):
        await pieces.files.download(file, 999)


async def test_a_pasted_image_is_fetched_with_the_token(pieces: Pieces) -> None:
    file = await _sent(pieces, pieces.teams.add_file("pic.png", "image/png", PNG, inline=True))
    assert await pieces.files.download(file, 1000) == PNG
    assert "Authorization" in pieces.teams.file_calls[-1]


async def test_a_share_is_not_shown_the_token(pieces: Pieces) -> None:
    """What is trusted as a place of files, but not as a connector, gets no token."""
    files = Files(pieces.http, pieces.token, Services(), extra=[pieces.teams.origin])
    file = await _sent(pieces, pieces.teams.add_file("notes.txt", "text/plain", b"x"))
    assert await files.download(file, 10) == b"x"
    assert "Authorization" not in pieces.teams.file_calls[-1]


async def test_a_file_that_is_not_what_it_says_is_not_taken(pieces: Pieces) -> None:
    file = await _sent(pieces, pieces.teams.add_file("pic.png", "image/png", b"<html>", inline=True))
    with pytest.raises(PlatformError, match="not what"):
        await pieces.files.download(file, 1000)


async def test_a_file_that_teams_keeps_back_says_why(pieces: Pieces) -> None:
    teams = pieces.teams
    shown = {"contentType": "text/html", "content": '<p>look</p><attachment id="F2"></attachment>'}
    await teams.say(teams.world.ann, "look", attachments=[shown])
    with pytest.raises(PlatformError, match="one-to-one chat"):
        await pieces.files.download(pieces.inbound.mentions[-1].files[0], 1000)
    hosted = "https://graph.microsoft.com/v1.0/chats/1/messages/2/hostedContents/3/$value"
    with pytest.raises(PlatformError, match="no permission"):
        await pieces.files.download(FileRef("F", "image", "", 0, hosted), 1000)
    assert teams.identity.logins == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/f",
        "https://evilsharepoint.com/f",
        "http://contoso.sharepoint.com/f",
        "https://contoso.sharepoint.com.evil.example/f",
        "https://x@contoso.sharepoint.com/f",
        "https://contoso.sharepoint.com:8443/f",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "//contoso.sharepoint.com/f",
        "nonsense",
        "http://[",
    ],
)
async def test_a_file_from_elsewhere_is_not_fetched(pieces: Pieces, url: str) -> None:
    with pytest.raises(PlatformError):
        await pieces.files.download(FileRef("F", "f", "", 0, url), 1000)
    assert pieces.teams.identity.logins == []


async def test_people_are_who_the_connector_says(pieces: Pieces) -> None:
    teams, world = pieces.teams, pieces.teams.world
    for who in world.people:
        await teams.say(who, "hello")
    kinds = {who.name: await pieces.people.kind(pieces.user(who.oid)) for who in world.people}
    assert kinds == {
        "Ann": MemberKind.MEMBER,
        "Bob": MemberKind.MEMBER,
        "Gus": MemberKind.GUEST,
        "Eve": MemberKind.EXTERNAL,
    }
    assert await pieces.people.name(pieces.user(world.ann.oid)) == "Ann"
    assert len(teams.connector.of("GET")) == 4  # and not again for the name


async def test_who_left_a_chat_is_still_known_by_another(pieces: Pieces) -> None:
    """A run may be resumed long after, on another machine, when the app is no longer where they were first seen."""
    teams, bob = pieces.teams, pieces.teams.world.bob
    await teams.say(bob, "hello", GROUP)
    await teams.say(bob, "hello", teams.world.personal(bob))
    teams.world.chats[GROUP].bot_in = False
    later = People(pieces.connector, pieces.addresses)
    assert await later.kind(pieces.user(bob.oid)) is MemberKind.MEMBER


async def test_who_is_in_no_conversation_is_not_asked_for_again_and_again(pieces: Pieces) -> None:
    teams = pieces.teams
    stranger = Member("Mel", "not-in-the-roster")
    await teams.say(stranger, "hello")
    for _ in range(4):
        assert await pieces.people.kind(pieces.user(stranger.oid)) is MemberKind.EXTERNAL
    assert len(teams.connector.of("GET")) == 1
    teams.world.chats[CHANNEL].members.append(stranger)
    pieces.clock.ahead += 61
    assert await pieces.people.kind(pieces.user(stranger.oid)) is MemberKind.MEMBER


def _naming(pieces: Pieces, words: str, who: Member) -> Json:
    """Words to the app that mention a person as Teams does it: by the connector's id alone."""
    said = pieces.teams.words(words.replace("@", f"<at>{who.name}</at>"), mention=True)
    entity = {"type": "mention", "text": f"<at>{who.name}</at>", "mentioned": {"id": who.id, "name": who.name}}
    return said | {"entities": [*said["entities"], entity]}


@pytest.mark.parametrize("seen", [True, False])
async def test_a_command_knows_people_by_the_directorys_id(pieces: Pieces, *, seen: bool) -> None:
    teams, ann, bob = pieces.teams, pieces.teams.world.ann, pieces.teams.world.bob
    if seen:
        await teams.say(bob, "hello", GROUP)
    await teams.post(teams.activity(ann, **_naming(pieces, "byok admins add @", bob)))
    assert [c.text for c in pieces.inbound.commands] == [f"admins add <@{bob.oid}>"]
    assert len(teams.connector.of("GET")) == (0 if seen else 1)


async def test_a_command_about_who_is_not_there_names_them_as_teams_did(pieces: Pieces) -> None:
    teams, mel = pieces.teams, Member("Mel", "not-in-the-roster")
    await teams.post(teams.activity(teams.world.ann, **_naming(pieces, "byok admins add @", mel)))
    assert [c.text for c in pieces.inbound.commands] == [f"admins add <@{mel.id}>"]


async def test_people_in_a_question_are_who_they_are_when_they_ask(pieces: Pieces) -> None:
    teams, ann, bob = pieces.teams, pieces.teams.world.ann, pieces.teams.world.bob
    await teams.say(bob, "hello")
    await teams.post(teams.activity(ann, **_naming(pieces, "ask @", bob)))
    await teams.post(teams.activity(ann, **_naming(pieces, "ask @", teams.world.gus)))
    assert teams.connector.of("GET") == []  # a question is kept before anybody is asked
    assert [m.text for m in pieces.inbound.mentions[1:]] == [f"ask <@{bob.oid}>", f"ask <@{teams.world.gus.id}>"]
    assert await pieces.people.name(pieces.user(teams.world.gus.id)) == "Gus"


async def test_a_stranger_is_external_and_goes_by_the_id(pieces: Pieces) -> None:
    nobody = pieces.user("UNOBODY")
    assert await pieces.people.kind(nobody) is MemberKind.EXTERNAL
    assert await pieces.people.name(nobody) == "UNOBODY"
    await pieces.teams.say(Member("Mel", "not-in-the-roster"), "hello", CHANNEL)
    assert await pieces.people.kind(pieces.user("not-in-the-roster")) is MemberKind.EXTERNAL


@pytest.mark.parametrize(
    ("member", "kind"),
    [
        ({"userRole": "user"}, MemberKind.MEMBER),
        ({}, MemberKind.MEMBER),
        ({"userRole": "guest"}, MemberKind.GUEST),
        ({"userRole": "anonymous"}, MemberKind.EXTERNAL),
        ({"userRole": "something new"}, MemberKind.EXTERNAL),
        ({"tenantId": "another"}, MemberKind.EXTERNAL),
        ({"tenantId": None}, MemberKind.EXTERNAL),
        ({"aadObjectId": None}, MemberKind.EXTERNAL),
        ({"id": "28:bot"}, MemberKind.BOT),
    ],
)
def test_doubt_is_external(member: Json, kind: MemberKind) -> None:
    assert kind_of({"id": "29:x", "aadObjectId": "oid", "tenantId": TENANT} | member, TENANT) is kind
