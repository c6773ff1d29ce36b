"""What people wrote and hung on: text with the mentions read by entity, and the files that Teams lets a bot have. Pure."""

from __future__ import annotations

import hashlib
import html
import mimetypes
import re

from adapters.teams.payload import Json, items, obj, string
from app.domain.chat import FileRef

DOWNLOAD_INFO = "application/vnd.microsoft.teams.file.download.info"
_HTML = "text/html"
_STAND_INS = re.compile("[\ue000\ue001]")
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
    text, mentioned = _STAND_INS.sub("", string(activity.get("text"))), False
    bot = string(obj(activity.get("recipient")).get("id"))
    pieces: dict[str, str] = {}
    for number, entity in enumerate(map(obj, items(activity.get("entities")))):
        said, who = string(entity.get("text")), obj(entity.get("mentioned"))
        if entity.get("type") != "mention" or not said or not who.get("id"):
            continue
        ours = who.get("id") == bot
        mentioned = mentioned or ours
        place = f"\ue000{number}\ue001"  # stands in until entities are decoded, so that nobody can type a mention
        pieces[place] = " " if ours else f"<@{string(who.get('aadObjectId')) or string(who.get('id'))}>"
        text = text.replace(said, place) if ours else text.replace(said, place, 1)
    text = html.unescape(text).replace("\xa0", " ")
    for place, meant in pieces.items():
        text = re.sub(rf"[ \t]*{place}[ \t]*", " ", text) if meant == " " else text.replace(place, meant)
    return text.replace("\r\n", "\n").strip(), mentioned


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
