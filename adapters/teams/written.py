"""What people wrote and hung on: text with the mentions read by entity, and the files that Teams lets a bot have. Pure."""

from __future__ import annotations

import hashlib
import html
import mimetypes
import re
from collections.abc import Mapping

from adapters.teams.payload import Json, items, obj, string
from app.domain.chat import FileRef

DOWNLOAD_INFO = "application/vnd.microsoft.teams.file.download.info"
_HTML = "text/html"
_STAND_INS = re.compile("[\ue000\ue001]")
_AT = re.compile(r"<at\b[^<>]*>(.{0,300}?)</at>", re.IGNORECASE | re.DOTALL)
_MARKUP = re.compile(r"<[^<>]{0,100}>")
_QUOTED = re.compile(r"<quoted\b[^<>]*/>\s*")
_MOST_ENTITIES = 200
_LONGEST_QUOTE = 4_000
_HUNG_ON = re.compile(r"<attachment\b[^>]*\bid=[\"']?([\w-]{1,80})", re.IGNORECASE)
_PASTED = re.compile(r"<img\b[^>]*(?:/AMSImage\b|/hostedContents/|/v1/objects/)[^>]*>", re.IGNORECASE)
"""Pictures of people's own: emoji and GIFs are none."""

_NO_FILE = re.compile(r"\d{1,20}|[0-9a-f]{32}", re.IGNORECASE)
"""Ids of what is no file though it hangs on a message: a quoted message's (a number) and a card's (no hyphens)."""


def text_of(activity: Json) -> tuple[str, bool]:
    """The text as its author meant it, the app's own mention removed and people written `<@ID>`; and whether the app was mentioned.

    Each mention is exactly the text that its entity names: a name is never looked for (the SDK would remove every `Agent` from a text
    because the app is called so).
    """
    text, mentioned = _STAND_INS.sub("", _QUOTED.sub("", string(activity.get("text")))), False
    bot = string(obj(activity.get("recipient")).get("id"))
    pieces: dict[str, str] = {}
    ours: dict[str, str] = {}
    tags = {_plain(found[1]): found[0] for found in _AT.finditer(text)}
    for number, entity in enumerate(map(obj, items(activity.get("entities"))[:_MOST_ENTITIES])):
        who = obj(entity.get("mentioned"))
        if entity.get("type") != "mention" or not who.get("id"):
            continue
        place = f"\ue000{number}\ue001"  # stands in until entities are decoded, so that nobody can type a mention
        said = _tag(text, tags, string(entity.get("text")), string(who.get("name")))
        if who.get("id") == bot:
            mentioned, ours[said], pieces[place] = True, place, " "
        else:
            pieces[place] = f"<@{string(who.get('aadObjectId')).lower() or string(who.get('id'))}>"
        text = text.replace(said, place, 1) if said else text
    for said, place in ours.items():  # another app may be called the same: each entity has had its own by now
        text = text.replace(said, place) if _AT.fullmatch(said) else text
    text = html.unescape(text).replace("\xa0", " ")
    for place, meant in pieces.items():
        text = re.sub(rf"[ \t]*{place}[ \t]*", " ", text) if meant == " " else text.replace(place, meant)
    return text.replace("\r\n", "\n").strip(), mentioned


def with_quotes(text: str, activity: Json) -> str:
    """The text, and below it what its author quotes: Teams leaves but a mark where that stood."""
    quotes = [
        obj(one.get("quotedReply"))
        for one in map(obj, items(activity.get("entities"))[:_MOST_ENTITIES])
        if one.get("type") == "quotedReply"
    ]
    told = [
        f"{string(one.get('senderName'))}: {string(one.get('preview'))}".removeprefix(": ")[:_LONGEST_QUOTE]
        for one in quotes
        if string(one.get("preview")).strip()
    ]
    return "\n\n".join(filter(None, (text, *("\n".join(f"> {line}" for line in one.splitlines()) for one in told))))


def _tag(text: str, tags: Mapping[str, str], said: str, name: str) -> str:
    """Where a mention stands in the text: as its entity says, or as the tag around that name, written with attributes or escaped."""
    if said and said in text:
        return said
    inside = _AT.fullmatch(said)
    names = (_plain(inside[1] if inside else said), _plain(name))
    return next((tags[one] for one in names if one in tags), "")


def _plain(marked: str) -> str:
    return " ".join(html.unescape(_MARKUP.sub("", marked)).split())


def files_of(activity: Json) -> tuple[FileRef, ...]:
    """The files on a message. What Teams mentions but does not give to bots has no address: fetching it says why."""
    found = [file for one in items(activity.get("attachments")) if (file := _file(obj(one)))]
    return (*found, *_withheld(activity, found))


def _file(attachment: Json) -> FileRef | None:
    kind, content = string(attachment.get("contentType")), obj(attachment.get("content"))
    if kind == DOWNLOAD_INFO:
        name, url = string(attachment.get("name")) or "file", string(content.get("downloadUrl"))
        media_type = mimetypes.guess_type(name)[0] or mimetypes.guess_type(f"x.{string(content.get('fileType'))}")[0]
        return FileRef(string(content.get("uniqueId")) or _id(url), name, media_type or "", 0, url) if url else None
    if kind.startswith("image/") and (url := string(attachment.get("contentUrl"))):
        name = string(attachment.get("name")) or f"image{mimetypes.guess_extension(kind) or ''}"
        return FileRef(_id(url), name, kind, 0, url)
    return None


def _withheld(activity: Json, found: list[FileRef]) -> list[FileRef]:
    """What only the message's HTML tells of: in channels and group chats, files; and pictures, where Teams hands over none of them."""
    attachments = [obj(one) for one in items(activity.get("attachments"))]
    shown = " ".join(string(one.get("content")) for one in attachments if one.get("contentType") == _HTML)
    known = {file.id.casefold() for file in found} | {string(one.get("id")).casefold() for one in attachments}
    files = {one.casefold(): one for one in _HUNG_ON.findall(shown) if not _NO_FILE.fullmatch(one)}
    withheld = [FileRef(one, "a file", "", 0) for folded, one in files.items() if folded not in known]
    if not any(file.media_type.startswith("image/") for file in found):
        withheld += [FileRef(_id(one), "a picture", "image/*", 0) for one in dict.fromkeys(_PASTED.findall(shown))]
    return withheld


def _id(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:32]
