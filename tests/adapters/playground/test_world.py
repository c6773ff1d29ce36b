"""What the composer offers is what there is."""

from adapters.playground.room import Rooms
from adapters.playground.world import ADA, COMMANDS, MAX
from app.services.screens.people import COMMANDS as UNDERSTOOD


def test_the_composer_offers_exactly_the_commands_that_are_understood() -> None:
    assert {(hint.text.partition(" ")[2], hint.usage) for hint in COMMANDS} == {
        (name, arguments) for name, arguments, *_ in UNDERSTOOD
    }


def test_everybody_sees_the_channels_that_they_are_in_and_their_own_chat_with_the_app() -> None:
    rooms = Rooms()
    shared = {room.id for room in rooms.channels.values() if not room.of and not room.only}
    for person, private in ((ADA, {"C-BOARD"}), (MAX, set[str]())):
        seen = {room.id for room in rooms.channels.values() if room.open_to(person.id)}
        assert seen == shared | private | {f"D-{person.id}"}


def test_the_first_messages_are_in_order_and_of_today_or_yesterday() -> None:
    rooms = Rooms()
    posts = list(rooms.seen_by(ADA.id))
    assert len(posts) == len({post.id for post in posts}) > 3
    assert all(rooms.post(post.thread) for post in posts if post.thread)


def test_the_oldest_messages_go_when_there_are_too_many() -> None:
    rooms = Rooms()
    first = rooms.add("C-RANDOM", ADA.id, "first")
    for number in range(3000):
        rooms.add("C-RANDOM", ADA.id, str(number), thread=first.id)
    assert rooms.post(first.id) is None
    assert len(list(rooms.seen_by(ADA.id))) == 3000


def test_ids_grow_and_never_come_twice() -> None:
    rooms = Rooms()
    ids = [rooms.add("C-RANDOM", ADA.id, "x").id for _ in range(1000)]
    assert ids == sorted(set(ids), key=float)
