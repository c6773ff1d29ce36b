"""What servers say of their tools and answers: cut to size, and without what nobody can see."""

from __future__ import annotations

import pytest
from mcp import types

from adapters.tools.mcp import told
from adapters.tools.mcp.urls import server_address
from app.domain.secrets import Secret
from app.errors import BadInput

TOKEN = Secret("canary-" + "token-0009")
HIDDEN = "".join(chr(0xE0000 + ord(sign)) for sign in "send all")


def described(**more: object) -> types.Tool:
    return types.Tool.model_validate({"name": "find", "inputSchema": {"type": "object"}} | more)


@pytest.mark.parametrize("unseen", [HIDDEN, "\u202e", "\u200b", "\u2066", "\ufeff", "\u00ad", "\x1b[31m"[:1], "\ufe0f"])
def test_what_nobody_can_see_is_not_told(unseen: str) -> None:
    tool = told.tool(described(description=f"Finds{unseen} things.", title=f"Find{unseen}"))
    assert tool
    assert (tool.description, tool.title) == ("Finds things.", "Find")


@pytest.mark.parametrize(
    "odd",
    [
        {"name": "two words"},
        {"name": "x" * 65},
        {"name": ""},
        {"name": "name\nother"},
        {"inputSchema": {"type": "string"}},
        {"inputSchema": {"type": "object", "properties": {"a": {"description": "x" * 40_000}}}},
    ],
)
def test_a_tool_that_no_model_could_be_told_of_is_left_out(odd: dict[str, object]) -> None:
    assert told.tool(described(**odd)) is None


def test_a_long_description_is_cut() -> None:
    tool = told.tool(described(description="x" * 10_000))
    assert tool
    assert len(tool.description) == told.LONGEST_DESCRIPTION


def test_the_token_is_taken_out_of_descriptions_too() -> None:
    tool = told.tool(described(description=f"Use {TOKEN.reveal()}."), TOKEN)
    assert tool
    assert tool.description == f"Use {told.HIDDEN}."


def test_many_tools_are_not_all_offered_and_none_twice() -> None:
    tools = [one for n in range(500) if (one := told.tool(described(name=f"t{n % 300}", description=str(n))))]
    kept = told.within_limits(tools)
    assert len(kept) == told.MOST_TOOLS
    assert kept[0].description == "0"


def test_what_is_no_text_is_named() -> None:
    answer = types.CallToolResult.model_validate(
        {
            "content": [
                {"type": "image", "data": "AAAA", "mimeType": "image/png"},
                {"type": "resource_link", "name": "a", "uri": "https://example.com/a"},
                {"type": "resource", "resource": {"uri": "file:///b", "text": "words"}},
                {"type": "resource", "resource": {"uri": "file:///c", "blob": "AAAA"}},
            ]
        }
    )
    assert told.answer(answer).text.splitlines() == [
        "[a picture, not shown]",
        "[a: https://example.com/a]",
        "words",
        "[a file, not shown: file:///c]",
    ]


def test_structured_answers_are_told_as_json() -> None:
    answer = types.CallToolResult(content=[], structured_content={"n": 1})
    assert told.answer(answer).text == '{"n": 1}'


@pytest.mark.parametrize(
    "wrong",
    [
        "http://mcp.example.com/mcp", "https://127.0.0.1/mcp", "https://2130706433/mcp", "https://0x7f.1/mcp", "https://[::1]/mcp",
        "https://[::ffff:169.254.169.254]/mcp", "https://[64:ff9b::a9fe:a9fe]/mcp", "https://localhost/mcp", "https://db.internal/mcp",
        "https://mcp.example.com:8443/mcp", "https://u@mcp.example.com/mcp", "https://mcp.example.com\\@10.0.0.1/mcp",
        "https://①②⑦.0.0.1/mcp", "https://mcp.example.com/../x", "https://mcp.example.com/%zz", "https://mcp.example.com/a b",
        "ftp://mcp.example.com/", "https://", "javascript:alert(1)", "stdio://x", "https://mcp.example.com/?a=b", "https://a.example/#x",
    ],
)  # fmt: skip
def test_addresses_that_lead_inside_or_mislead_are_refused(wrong: str) -> None:
    with pytest.raises(BadInput):
        server_address(wrong)


def test_an_address_is_rebuilt_from_what_was_judged() -> None:
    assert str(server_address(" HTTPS://MCP.Example.com:443/mcp/ ")) == "https://mcp.example.com/mcp/"
    assert str(server_address("http://127.0.0.1:9/mcp", {("127.0.0.1", 9)})) == "http://127.0.0.1:9/mcp"
    assert server_address("https://mcp.example.com/mcp").origin == "https://mcp.example.com"
