"""Which addresses somebody named: an address that a model made up may carry away what it knows."""

from __future__ import annotations

import re

from yarl import URL

_WRITTEN = re.compile(r"https?://[^\s<>\"'`|]+", re.IGNORECASE)
_BARE = re.compile(r"(?<![\w@./:-])(?:[a-z0-9-]+\.)+[a-z]{2,24}(?::\d{1,5})?(?:/[^\s<>\"'`|]*)?", re.IGNORECASE)
_AROUND = ".,;:!?)]}*_~…"
_LONGEST, _MOST_FORMS = 2_000, 10
_PORTS = {"http": 80, "https": 443}


def canonical(url: str) -> str:
    """The address as it would be asked for, however its host was written; empty for what is no plain web address."""
    try:
        parts = URL(url)
        host, port = (parts.raw_host or "").rstrip("."), parts.port
    except ValueError:
        return ""
    if parts.scheme not in _PORTS or not host or parts.raw_user is not None or parts.raw_password is not None:
        return ""
    where = f"[{host}]" if ":" in host else host
    if port and port != _PORTS[parts.scheme]:
        where = f"{where}:{port}"
    return f"{parts.scheme}://{where}{parts.raw_path_qs}"


def named_in(text: str) -> frozenset[str]:
    """The addresses that stand in a text, whole: none that only begins as one of them does."""
    written = [found[0] for found in _WRITTEN.finditer(text)]
    bare = [f"https://{found[0]}" for found in _BARE.finditer(_WRITTEN.sub(" ", text))]
    named = {canonical(url) for address in (*written, *bare) for url in _as_meant(address)}
    secured = {f"https{url.removeprefix('http')}" for url in named if url.startswith("http://")}
    return frozenset((named | secured) - {""})


def _as_meant(address: str) -> tuple[str, ...]:
    """With and without what may be the sentence's: `(see https://example.com/a_(b).)`."""
    if len(address) > _LONGEST:  # nobody asks for that, and each form of it costs as much
        return ()
    forms = [address]
    while len(forms) < _MOST_FORMS and forms[-1] and forms[-1][-1] in _AROUND:
        forms.append(forms[-1][:-1])
    return tuple(forms)
