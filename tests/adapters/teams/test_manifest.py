"""The package is what Teams takes, and says what the code does."""

from __future__ import annotations

import json
import re
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapters.teams import icons, parse
from adapters.teams.manifest import COMMANDS, EXAMPLE_ID, EXAMPLE_URL, MOST, PROMPTS, manifest
from adapters.teams.payload import Json
from app.cli import main
from app.services.forms import SUGGESTIONS
from app.services.screens import people

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "manifests" / "teams"
LISTS = manifest(EXAMPLE_ID, EXAMPLE_URL)["bots"][0]["commandLists"]


def pixels(png: bytes) -> tuple[int, int, bytes]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height, zlib.decompress(png[41:-16])


def test_the_files_are_what_the_code_writes() -> None:
    assert json.loads((FOLDER / "manifest.json").read_text()) == manifest(EXAMPLE_ID, EXAMPLE_URL)
    assert pixels((FOLDER / "color.png").read_bytes()) == pixels(icons.color())
    assert pixels((FOLDER / "outline.png").read_bytes()) == pixels(icons.outline())


def test_the_icons_are_as_teams_wants_them() -> None:
    width, height, data = pixels(icons.color())
    assert (width, height) == (192, 192)
    assert set(data[4::4][:190]) == {255}  # nothing shines through
    width, height, data = pixels(icons.outline())
    rows = [data[at + 1 : at + 129] for at in range(0, len(data), 129)]
    colours = {row[at : at + 3] for row in rows for at in range(0, 128, 4)}
    assert (width, height, colours) == (32, 32, {b"\xff\xff\xff"})
    assert {row[at] for row in rows for at in range(3, 128, 4)} >= {0, 255}


@pytest.mark.parametrize("commands", [one["commands"] for one in LISTS])
def test_every_command_that_is_offered_is_handled(commands: list[Json]) -> None:
    for one in commands:
        if one.get("type") == "prompt":
            assert one["prompt"] in PROMPTS.values()
            continue
        event = parse.event(_typed(one["title"]), _scene(_typed(one["title"])))
        assert isinstance(event, parse.Typed | parse.HomeWanted), one["title"]


def test_every_command_that_is_handled_is_told_of_in_the_help_and_as_many_as_there_is_room_for_are_offered() -> None:
    services = ROOT / "app" / "services"
    source = (services / "commands.py").read_text()
    handled = set(re.findall(r'^ +"(\w+)": self\._\w+,$', source, re.MULTILINE))
    for desk in (services / "desks").glob("*.py"):  # which bring commands of their own
        for line in re.findall(
            r"^ +self\.(?:for_all|for_admins|there)\b.* = \{(.*)\}$", desk.read_text(), re.MULTILINE
        ):
            handled |= set(re.findall(r'"(\w+)": self\._\w+', line))
    offered = {title.removeprefix("byok ") for title in COMMANDS} - {"home"}
    assert handled == {name for name, *_ in people.COMMANDS}
    assert offered < handled
    assert len(COMMANDS) == MOST
    in_channels = {one["title"] for one in LISTS[0]["commands"]}
    assert in_channels == set(COMMANDS)
    assert {title.split()[0] for title in in_channels} == set(parse.COMMANDS)


def test_it_comes_to_all_places_that_are_understood() -> None:
    scopes = manifest(EXAMPLE_ID, EXAMPLE_URL)["bots"][0]["scopes"]
    assert {"team" if kind == "channel" else kind for kind in parse.PLACES} == set(scopes)
    assert {scope for listed in LISTS for scope in listed["scopes"]} == set(scopes)


def test_the_prompts_are_those_that_are_offered_in_the_chat() -> None:
    assert {one.title: one.message for one in SUGGESTIONS} == PROMPTS
    assert all(text == text.strip() and text[-1] in ".?" for text in PROMPTS.values())  # sent off as it is


def test_slash_commands_are_asked_for_only_where_wanted() -> None:
    with_them, without = manifest(EXAMPLE_ID, EXAMPLE_URL, slash=True), json.dumps(manifest(EXAMPLE_ID, EXAMPLE_URL))
    assert with_them["bots"][0]["supportsTargetedMessages"] is True
    assert with_them["bots"][0]["commandLists"][0]["triggers"] == ["mention", "slash"]
    assert "slash" not in without
    assert "supportsTargetedMessages" not in without


def test_it_keeps_the_lengths_that_teams_allows() -> None:
    made = manifest(EXAMPLE_ID, EXAMPLE_URL)
    assert len(made["name"]["short"]) <= 30
    assert len(made["description"]["short"]) <= 80
    assert len(made["description"]["full"]) <= 4000
    assert all(len(listed["commands"]) <= 12 for listed in LISTS)


def test_the_command_line_writes_the_package(tmp_path: Path) -> None:
    app_id, out = "11111111-2222-3333-4444-555555555555", tmp_path / "latchkey.zip"
    args = ["manifest", "teams", "--app-id", app_id, "--url", "https://bot.example.org/", "-o", str(out)]
    assert CliRunner().invoke(main, args).exit_code == 0
    with zipfile.ZipFile(out) as bundle:
        assert sorted(bundle.namelist()) == ["color.png", "manifest.json", "outline.png"]
        made = json.loads(bundle.read("manifest.json"))
    assert (made["id"], made["bots"][0]["botId"], made["validDomains"]) == (app_id, app_id, ["bot.example.org"])


@pytest.mark.parametrize(("app_id", "url"), [("no", EXAMPLE_URL), (EXAMPLE_ID, "http://a.example.com")])
def test_the_command_line_says_what_is_wrong(tmp_path: Path, app_id: str, url: str) -> None:
    out = tmp_path / "latchkey.zip"
    found = CliRunner().invoke(main, ["manifest", "teams", "--app-id", app_id, "--url", url, "-o", str(out)])
    assert (found.exit_code, out.exists()) == (1, False)
    assert "should be" in found.stderr


def _typed(text: str) -> Json:
    return {
        "type": "message",
        "id": "1783000000001",
        "serviceUrl": "https://smba.trafficmanager.net/emea/",
        "text": text,
        "from": {"id": "29:ann", "aadObjectId": "ann"},
        "recipient": {"id": "28:bot"},
        "conversation": {"id": "a:chat", "conversationType": "personal", "tenantId": "t1"},
    }


def _scene(activity: Json) -> parse.Scene:
    at = parse.scene(activity)
    assert isinstance(at, parse.Scene)
    return at
