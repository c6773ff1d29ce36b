"""Our cards, drawn by Microsoft's renderer as narrow as a phone: nothing in them is unknown to it, nothing sticks out."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.agents_playground import GENERAL, MENTION, PERSONAL, Json, Shown, parts
from tests.acceptance.card_renderer import card_renderer
from tests.acceptance.office import ANTHROPIC_KEY
from tests.acceptance.process import until
from tests.acceptance.teams_office import TeamsOffice, teams_office

PHONE, DESK = 300, 640
COMMANDS = (
    "help",
    "privacy",
    "audit",
    "agents",
    "keys",
    "admins",
    "model assistant",
    "model assistant anthropic/claude-haiku-5",
    "fallback",
    "revoke main",
    "settings",
    "usage",
    "receipts",
    "prices",
    "nonsense",
)
FORMS = ("New agent", "Choose for a channel", "Change", "Replace", "Add a key")


async def test_every_card_is_drawn_without_a_complaint_at_every_width(tmp_path: Path) -> None:
    async with teams_office(tmp_path) as office, card_renderer() as renderer:
        cards = await _collected(office)
        assert len(cards) > 15
        for name, card in cards.items():
            assert card["version"] == "1.5"
            for width in (PHONE, DESK):
                assert await renderer.draw(card, width=width) == [], f"{name}, {width} px wide"


async def test_a_key_is_masked_while_it_is_typed(tmp_path: Path) -> None:
    async with teams_office(tmp_path) as office, card_renderer() as renderer:
        await office.moves_in()
        (card,) = _dialog("key form", await office.key_form()).values()
        assert await renderer.draw(card, width=PHONE) == []
        assert await renderer.masked() == ["API key *"]


async def _collected(office: TeamsOffice) -> dict[str, Json]:
    teams = office.teams
    await office.moves_in()
    cards = _cards("first home", await teams.shown("Three steps to the first answer"))
    form = await office.key_form()
    taken = await office.send_form(form, {"secret:key": ANTHROPIC_KEY})  # first: it loads the provider's SDK
    refused = await office.send_form(await office.key_form(), {"secret:key": "sk-test-" + "nobody-has-this-1"})
    home = await teams.shown(f"••••{ANTHROPIC_KEY[-4:]}")
    cards |= _dialog("key form", form) | _dialog("key refused", refused) | _dialog("key taken", taken)
    cards |= _cards("home", home)
    for title in FORMS:
        cards |= _dialog(title, await teams.press(home, title))
    for command in COMMANDS:
        said = len(teams.in_conversation(PERSONAL))
        await teams.say(f"byok {command}")
        await until(lambda said=said: len(teams.in_conversation(PERSONAL)) > said, f"{command} is answered")  # type: ignore[misc]
        cards |= _cards(command, teams.in_conversation(PERSONAL)[-1])
    thread = await teams.say(f"{MENTION} count slowly", GENERAL)
    running = await teams.shown("Stop", thread)
    cards |= _cards("running", running)
    await teams.press(running, "Stop")
    return cards | _cards("stopped", await teams.shown("Stopped", thread))


def _cards(name: str, message: Shown) -> dict[str, Json]:
    return {f"{name} {number}": card for number, card in enumerate(message.cards)}


def _dialog(name: str, task: Json) -> dict[str, Json]:
    (card,) = [part["content"] for part in parts(task) if "content" in part]
    return {f"{name} (dialog)": card}
