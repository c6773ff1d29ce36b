import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.models.urls import operator_url, workspace_url
from adapters.net.addresses import is_public, literal
from adapters.net.hosts import host_and_port
from app.errors import BadInput

PRIVATE = {("localhost", 11434), ("10.0.0.5", 443), ("fd00::5", 8000)}


@pytest.mark.parametrize(
    ("text", "rebuilt"),
    [
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
        (" https://API.Groq.com/openai/v1/ ", "https://api.groq.com/openai/v1"),
        ("https://api.mistral.ai:443/v1", "https://api.mistral.ai/v1"),
        ("https://x.openai.azure.com/openai/v1/chat/completions", "https://x.openai.azure.com/openai/v1"),
        ("https://1.1.1.1", "https://1.1.1.1"),
        ("https://[2606:4700:0::1111]/v1", "https://[2606:4700::1111]/v1"),
        ("https://xn--bcher-kva.example/v1", "https://xn--bcher-kva.example/v1"),
        ("http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("https://localhost:11434", "https://localhost:11434"),
        ("https://10.0.0.5/v1", "https://10.0.0.5/v1"),
        ("http://[fd00:0::5]:8000/v1", "http://[fd00::5]:8000/v1"),
    ],
)
def test_public_and_listed_servers_may_be_used(text: str, rebuilt: str) -> None:
    assert str(workspace_url(text, PRIVATE)) == rebuilt


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is needed"),
        ("http://api.example.com/v1", "https://"),
        ("https://api.example.com:8443/v1", "8443"),
        ("http://localhost:11435/v1", "LATCHKEY_MODEL_HOSTS"),
        ("https://localhost/v1", "not on the public internet"),
        ("https://intranet", "not on the public internet"),
        ("https://models.corp.internal/v1", "not on the public internet"),
        ("https://127.0.0.1/v1", "private address"),
        ("https://169.254.169.254/latest", "private address"),
        ("https://[::1]/v1", "private address"),
        ("https://[::ffff:127.0.0.1]/v1", "private address"),
        ("https://[64:ff9b::a9fe:a9fe]/v1", "private address"),
        ("https://[fe80::1%25eth0]/v1", "zone"),
        ("https://[nonsense]/v1", "not an address"),
        ("https://2130706433/v1", "unusual spelling"),
        ("https://0x7f.1/v1", "unusual spelling"),
        ("https://①②⑦.0.0.1/v1", "plain form"),
        ("https://ⓔxample.com/v1", "plain form"),
        ("https://user:secret@example.com/v1", "user name"),
        ("https://example.com\\@10.0.0.1/v1", "don't belong"),
        ("https://exa mple.com", "don't belong"),
        ("https://example.com/v1\x00", "don't belong"),
        ("https://example.com/\u202ev1", "don't belong"),
        ("https://example.com/v1?key=1", "without"),
        ("https://example.com/v1#x", "without"),
        ("https://example.com/a/../b", "unusual"),
        ("https://example.com/%2e%2e/b", "unusual"),
        ("https://example.com//v1", "unusual"),
        ("https://example.com:99999/v1", "does not exist"),
        ("https://example.com:/v1", "look like"),
        ("https://-bad-.example.com", "valid name"),
        ("https://example..com", "valid name"),
        ("https://example.com.", "valid name"),
        ("ftp://example.com", "look like"),
        ("file:///etc/passwd", "look like"),
        ("example.com/v1", "look like"),
        ("https://" + "a" * 300 + ".com", "too long"),
    ],
)
def test_other_addresses_are_refused_in_the_persons_words(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=why) as refused:
        workspace_url(text, PRIVATE)
    assert refused.value.field == "base_url"


@given(
    st.one_of(st.text(), st.text().map(lambda text: f"https://{text}"), st.from_regex(r"https?://[0-9a-fx.:\[\]%]+/?"))
)
def test_whatever_passes_is_plain_https_to_what_may_be_public(text: str) -> None:
    try:
        url = workspace_url(text)
    except BadInput:
        return
    assert (url.scheme, url.port) == ("https", 443)
    address = literal(url.host)
    assert address is None or (address == url.host and is_public(address))
    assert workspace_url(str(url)) == url


def test_the_operator_may_point_anywhere() -> None:
    assert operator_url("http://10.0.0.9:4000/anthropic/").origin == "http://10.0.0.9:4000"


def test_entries_of_the_operators_list_are_host_and_port() -> None:
    assert host_and_port("Ollama.lan:11434") == ("ollama.lan", 11434)
    assert host_and_port("[fd00:0::5]:8000") == ("fd00::5", 8000)
    for wrong in ("ollama.lan", "ollama.lan:1/x", "a b:1"):
        with pytest.raises(BadInput):
            host_and_port(wrong)
