"""What the offline model knows to say; pure."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Sequence
from zoneinfo import available_timezones

from app.domain.run import ToolResult

_SIGNATURE = "\n\n_I'm the offline demo model: no key, no network. Type `/byok setkey` to let a real one answer._"

_HELLO = """Hello! 👋 I'm the **offline demo model**: I run inside Latchkey, need no key and send nothing anywhere.

Things to try with me:

- ask *what time is it?* and watch me use a tool
- say *show me some code* or *show me a table*
- ask for *a long answer*, and press **Stop** while it streams
- give me a sum, such as `(19.99 + 5) * 12`
- ask *what did I say before?* to see that I get the thread

When you are ready for real answers, type `/byok setkey`."""

_KEY = """Setting a key takes a minute:

1. Type `/byok setkey`. A form opens; only admins may send it.
2. Choose the provider, paste the API key and give it a label. The field is masked where the platform can do that.
3. Latchkey checks the key with the provider (that costs nothing) and encrypts it. Nobody, agents included, ever sees it again.

From then on your agents think with the provider's newest suitable model, on **your** account. Some commands for later:

| Command | What it does |
|---|---|
| `/byok keys` | shows your keys: last four characters, health, who uses them |
| `/byok model <agent> <provider>/<model>` | changes an agent's model |
| `/byok revoke` | destroys a key at once |

Please never paste a key into a message: the form is the only safe place."""

_CODE = """Here is a bit of everything. First a list:

- **bold**, *italic* and `inline code`
- a second point
  - with a smaller one below it

Then some Python:

```python
from collections import Counter


def busiest(words: list[str]) -> str:
    \"\"\"The word that is said most often.\"\"\"
    (word, count), *_ = Counter(words).most_common(1)
    return f"{word} ({count} times)"


print(busiest("to be or not to be to the end".split()))
```

A table:

| Provider | Protocol | Key comes from |
|---|---|---|
| Anthropic | Messages | your account |
| OpenAI | Responses | your account |
| compatible | Chat Completions | your server |

> And a quotation, because no one should have to guess how that looks."""

_CHAPTERS = (
    ("Why a workspace brings its own key", "The bill, the limits and the contract with the model provider stay with the people who use the agent. Whoever runs the service has no key of its own to fall back on, so a missing key is a polite message and never a surprise on somebody's invoice."),
    ("What happens when you mention an agent", "The message is written down, encrypted, before the platform is told that it arrived. Then one worker for this thread takes it up: it picks the agent, reads the thread, opens the key and asks the model. Words appear as they come."),
    ("Why the order never changes", "Each thread has one worker at a time. Two questions asked within a second are answered one after the other, and the second answer knows the first. Different threads do not wait for each other."),
    ("What a crash does", "Very little. Each model call and each tool call is remembered when it is done. After a restart the run goes on where it was, and what was paid for is not paid for again."),
    ("Where keys live", "Each workspace has its own data key, and everything secret is sealed under it together with the place it belongs to. Copied into another row or pointed at another server, it simply does not open."),
    ("What is kept of your words", "Nothing in the clear, ever. While a run is under way its content is sealed, and within a minute after its end it is gone. The thread itself stays where you wrote it: in your chat."),
    ("What agents may do", "An agent has the tools that it was granted and no others, and the decision is made before the tool runs. An agent can never name a key or open a connection; it asks, and something else decides."),
    ("How to stop it", "There is a stop button, and it stops. Deleting the question stops the answer too. What was said until then stays, with a note that it was stopped, and *Retry* asks again."),
)  # fmt: skip

_OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SUM = re.compile(
    r"(?:what(?:'s| is)|how much is|calculate|compute)?[\s:]*(?P<sum>[-+(\d][-\d\s.()+*/×÷]{1,80})[\s=?]*",
    re.IGNORECASE,
)


def answer(asked: Sequence[str], result: ToolResult | None) -> str:
    """An answer to the last of what people said, in Markdown; `result` is of the tool that was called for it."""
    question = asked[-1] if asked else ""
    if result is not None:
        return _told(result) + _SIGNATURE
    if _has(question, r"api.?key|setkey|set (a|my|the) key|byok|real (model|answer)"):
        return _KEY + "\n\n_I'm the offline demo model, so I can only tell you how; the form does the rest._"
    if _has(question, r"\blong\b|essay|in detail|tell me (a story|everything)"):
        return _long() + _SIGNATURE
    if _has(question, r"\bcode\b|markdown|\btable\b|formatting"):
        return _CODE + _SIGNATURE
    if _has(question, r"before|earlier|remember|first (message|question)|so far") and len(asked) > 1:
        return _before(asked) + _SIGNATURE
    if not question or _has(
        question, r"^\W*(hi|hello|hey|moin|hallo|help|good (morning|evening))\b|what can you do|who are you"
    ):
        return _HELLO
    if is_about_time(question):
        return "I would look at the clock, but this agent was not given the `current_time` tool." + _SIGNATURE
    total = _sum(question)
    return (total or _echo(question)) + _SIGNATURE


def is_about_time(question: str) -> bool:
    """Whether somebody wants to know the time or the date."""
    return _has(question, r"what.{0,12}\b(time|date|day)\b|how late|current (time|date)|what day|wie spät|uhrzeit")


def time_zone(question: str) -> str | None:
    """The IANA zone whose city the question names (`what time is it in New York?`)."""
    said = " ".join(re.findall(r"[a-z]+", question.lower()))
    cities = {
        name.rpartition("/")[2].replace("_", " ").lower(): name for name in sorted(available_timezones()) if "/" in name
    }
    found = [city for city in cities if len(city) > 3 and f" {city} " in f" {said} "]
    return cities[max(found, key=len)] if found else None


def _has(text: str, pattern: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def _told(result: ToolResult) -> str:
    if result.is_error:
        return f"I asked a tool and it answered with an error:\n\n> {_quoted(result.content)}\n\nA real model would try another way."
    return f"I asked the `current_time` tool, and it says:\n\n> **{_quoted(result.content)}**"


def _long() -> str:
    chapters = (f"## {number}. {title}\n\n{text}" for number, (title, text) in enumerate(_CHAPTERS, 1))
    return "# How Latchkey works, at some length\n\n" + "\n\n".join(chapters)


def _before(asked: Sequence[str]) -> str:
    points = "\n".join(f"{number}. {_quoted(text)}" for number, text in enumerate(asked[:-1][-5:], 1))
    return f"In this thread you said, before this question:\n\n{points}"


def _echo(question: str) -> str:
    return (
        f"You said:\n\n> {_quoted(question)}\n\n"
        "I understood every word and the meaning of none: no language model is connected yet. What I **can** do here:\n\n"
        "- tell the time, with a tool\n- work out a sum\n- show you code, tables and a long answer\n- explain how to set a key"
    )


def _quoted(text: str) -> str:
    """On one line, not too long, and unable to begin markup of its own."""
    line = " ".join(text.split()).replace("`", "'")
    return line if len(line) <= 280 else line[:279] + "…"


def _sum(question: str) -> str | None:
    match = _SUM.fullmatch(question.strip())
    if match is None or not re.search(r"[-+*/×÷]", match["sum"]):
        return None
    written = match["sum"].strip().replace("×", "*").replace("÷", "/")
    try:
        value = _value(ast.parse(written, mode="eval").body)
    except ZeroDivisionError:
        return f"`{written}` has no answer: nothing can be divided by zero."
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return None
    return f"`{written}` = **{value:,.10g}**"


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=kind, right=right) if type(kind) in _OPERATORS:
            return _OPERATORS[type(kind)](_value(left), _value(right))
        case _:
            raise ValueError("not a sum")
