"""One execution of an agent: what is said to a model, what comes back, and how it ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from app.domain.agent import Effort
from app.domain.chat import FileRef
from app.domain.grants import CLEAN, Decision, Taint

Json = dict[str, Any] | list[Any] | str | int | float | bool | None
"""What json.dumps takes and json.loads gives back unchanged."""

LONGEST_ADDRESS = 500
_ADDRESS = re.compile(r"https://([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::\d{1,5})?(?:[/?#][!#-;=?-\[\]_a-z~]*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text said by a person or by the model."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool. `arguments` is a parsed JSON object; what did not parse is in `malformed`, to be told to the model."""

    id: str
    name: str
    arguments: Mapping[str, Any] = field(repr=False)
    malformed: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A page that a tool took something from; `text` is the passage, if one is worth showing. A tool may have all of it from anywhere."""

    title: str
    url: str
    text: str = field(default="", repr=False)

    @property
    def host(self) -> str:
        """Where the address leads; empty for one that is not shown: not https, of a user, or with what could be markup."""
        found = _ADDRESS.fullmatch(self.url) if len(self.url) <= LONGEST_ADDRESS else None
        return found[1].lower() if found else ""


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that an agent made, to be sent to the thread. `data` is base64, so that a journal can remember it."""

    name: str
    media_type: str
    data: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered to the call of that id. A failure is a result too.

    `sources` are shown to people, and the model is told their numbers; `files` are sent to people. `taint` is what this very result adds to
    what the tool's traits say, such as the channels it came from.
    """

    call_id: str
    content: str = field(repr=False)
    is_error: bool = False
    sources: tuple[Source, ...] = field(default=(), repr=False)
    files: tuple[MadeFile, ...] = field(default=(), repr=False)
    taint: Taint = CLEAN


@dataclass(frozen=True, slots=True)
class OpaquePart:
    """Something of a provider's own (thinking with its signature, encrypted reasoning) that must go back to it unchanged."""

    provider: str
    data: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file that a person sent along. No provider sees this: what is in it takes its place when the model is asked, and is remembered nowhere.

    `earlier` says that it came with a message before the question.
    """

    file: FileRef
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture for the model to look at: PNG, JPEG, GIF or WebP."""

    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """A PDF for a model that reads PDFs itself."""

    name: str
    data: bytes = field(repr=False)


Part = TextPart | ToolCall | ToolResult | OpaquePart | FilePart | ImagePart | DocumentPart


class Role(StrEnum):
    """Who speaks in a ModelMessage. Tool results are said by the USER, as providers have it."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class ModelMessage:
    """One turn of the talk with a model."""

    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it. `parameters` is a closed JSON schema object (`additionalProperties: false`)."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    writes: bool = False


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What is asked of a model. Nothing in it names a key.

    Requests with the same `cache_key` begin alike, so a provider may look in one place for what it remembers of them; it is an id, no content.
    What comes of a request that is made `aside` is no part of the answer, and shown to nobody.
    """

    model: str
    system: str = field(repr=False)
    messages: tuple[ModelMessage, ...] = field(repr=False)
    tools: tuple[ToolSpec, ...] = ()
    max_output_tokens: int = 4096
    effort: Effort | None = None
    web_search: int = 0  # how often the provider may search the web by itself, where the model can
    cache_key: str = ""
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more calls. `input_tokens` counts all input, cached or not."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_read: int = 0
    cached_write: int = 0
    reasoning: int = 0
    searches: int = 0  # of the web, by the provider; billed beside the tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_read + other.cached_read,
            self.cached_write + other.cached_write,
            self.reasoning + other.reasoning,
            self.searches + other.searches,
        )


class Stop(StrEnum):
    """Why a model call ended."""

    END = "end"
    TOOL = "tool"
    LENGTH = "length"
    REFUSED = "refused"
    PAUSE = "pause"  # the provider wants the message said back, and goes on


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of the answer."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ModelDone:
    """The last event of a model's stream: the whole message (to be said back in the next request), why it ended, what it used.

    `model` is the model that really answered. `sources` are pages that the provider's own search found, in the order of its citations; `found`
    are the addresses of all pages that it found.
    """

    message: ModelMessage
    stop: Stop
    usage: Usage
    model: str
    sources: tuple[Source, ...] = field(default=(), repr=False)
    found: tuple[str, ...] = field(default=(), repr=False)


ModelEvent = TextDelta | ModelDone


@dataclass(frozen=True, slots=True)
class StoodIn:
    """A model that an admin allowed is asked in another's place from here on; `because` is the code of app.errors by which that one failed."""

    model: str
    instead_of: str
    because: str


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as its provider lists it. Zero or None where the provider does not say."""

    id: str
    name: str = ""
    context_window: int = 0
    max_output: int = 0
    lifecycle: str = "active"  # active | deprecated | retired
    retires_on: str = ""  # YYYY-MM-DD, as it is planned now
    replacement: str = ""  # the model that the provider itself says to take instead
    tools: bool | None = None
    images: bool | None = None
    documents: bool | None = None  # reads PDFs itself
    web_search: bool | None = None  # has a search of its own
    efforts: tuple[str, ...] | None = None  # the Efforts that it can be told; none where it knows no such thing
    created: int = 0  # unix seconds


class RunState(StrEnum):
    """How a run stands or ended."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ToolDecided:
    """Yielded by the runner *before* the tool runs; a denied call never reaches the tool."""

    call: ToolCall
    decision: Decision


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A tool was called (or denied) and this is what the model is told."""

    call: ToolCall
    result: ToolResult


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The one last event of a run. `text` is the whole answer; `limit` names the limit that ended it, if one did.

    `summarised` says that the model was told a summary in place of what no longer fit in its window, `left_out` that something was left out.
    """

    text: str = field(repr=False)
    usage: Usage = Usage()
    model: str = ""
    stop: Stop = Stop.END
    limit: str = ""
    summarised: bool = False
    left_out: bool = False


RunEvent = TextDelta | ToolDecided | ToolFinished | RunFinished
